/** Every face of every frame since the page was opened or the log cleared, for the CSV. */

const MAX_ROWS = 500_000; // half a day of one face; about 100 MB

export class Log {
  constructor(classes) {
    this.header = ["time", "source", "seconds", "face", "left", "top", "right", "bottom", "score", "label", ...classes];
    this.clear();
  }

  clear() {
    this.rows = [];
    this.left_out = 0;
  }

  /** @param {{source: string, seconds: number}} moment the file or camera, and the time within it */
  add(faces, { source, seconds }) {
    const time = new Date().toISOString();
    for (const { id, label, box, score, probabilities } of faces) {
      if (this.rows.length === MAX_ROWS) {
        this.left_out += 1;
        continue;
      }
      const place = [...box.map((at) => at.toFixed(1)), score.toFixed(4)];
      const shown = probabilities.map((share) => share.toFixed(6));
      this.rows.push([time, quoted(source), seconds.toFixed(3), id, ...place, quoted(label), ...shown].join(","));
    }
  }

  /** RFC 4180, with a header. */
  csv() {
    return [this.header.map(quoted).join(","), ...this.rows, ""].join("\r\n");
  }
}

/** A cell; a leading =, +, - or @ would make a spreadsheet compute it. */
function quoted(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Hand `text` to the user as a file. */
export function download(text, name) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
