/** After loading, the page needs nothing from anywhere: it has the browser refuse it every connection. */

const POLICY = "default-src 'none'; media-src blob:";

export function lock() {
  const meta = Object.assign(document.createElement("meta"), { httpEquiv: "Content-Security-Policy", content: POLICY });
  document.head.append(meta); // policies add up: this one cannot be taken back, by nobody
}
