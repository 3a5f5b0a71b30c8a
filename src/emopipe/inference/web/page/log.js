/** Every face of every frame since the page was opened or the log cleared, as in `emopipe live --log`. */

const MAX_ROWS = 500_000; // half a day of one face; about 100 MB

export class Log {
  constructor(classes) {
    const place = ["left", "top", "right", "bottom", "score"];
    this.header = ["time", "path", "frame", "seconds", "face", ...place, "label", ...classes, "error"];
    this.clear();
  }

  clear() {
    this.rows = [];
    this.left_out = 0;
  }

  /**
   * A row per face, or an empty one for a frame without a face.
   * @param {{source: string, frame?: number, seconds?: number}} moment the file or camera, and the time in it
   */
  add(faces, { source, frame, seconds }) {
    const start = [new Date().toISOString(), quoted(source), frame ?? "", seconds?.toFixed(3) ?? ""];
    for (const { id, label, box, score, probabilities } of faces) {
      const place = [...box.map((at) => at.toFixed(1)), score.toFixed(4)];
      this.push([...start, id, ...place, quoted(label), ...probabilities.map((share) => share.toFixed(6)), ""]);
    }
    if (!faces.length) this.push([...start, ...this.header.slice(start.length).fill("")]);
  }

  push(cells) {
    if (this.rows.length < MAX_ROWS) this.rows.push(cells.join(","));
    else this.left_out += 1;
  }

  /** RFC 4180, with a header. */
  csv() {
    return [this.header.map(quoted).join(","), ...this.rows, ""].join("\r\n");
  }
}

/** A cell; a leading =, +, - or @ is escaped, as spreadsheets would read a formula. */
function quoted(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Download `text` as a file. */
export function download(text, name) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
