/** After loading, a content security policy blocks every further connection of the page. */

const POLICY = "default-src 'none'; media-src blob:";

export function lock() {
  const meta = Object.assign(document.createElement("meta"), { httpEquiv: "Content-Security-Policy", content: POLICY });
  document.head.append(meta); // policies add up: this one cannot be taken back, by nobody
}
