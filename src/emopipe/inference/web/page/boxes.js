/** Boxes are [left, top, right, bottom], in pixels of the image, from its top left corner. */

/** Intersection over union of two boxes, 0 to 1. */
export function overlap(a, b) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const area = ([left, top, right, bottom]) => (right - left) * (bottom - top);
  return (width * height) / (area(a) + area(b) - width * height);
}

/** Non-maximum suppression: of faces that overlap by more than `limit`, keep the highest score. Highest score first. */
export function suppress(faces, limit) {
  const kept = [];
  for (const face of faces.toSorted((a, b) => b.score - a.score)) {
    if (kept.every((other) => overlap(other.box, face.box) <= limit)) kept.push(face);
  }
  return kept;
}
