/** Square face crops, as in emopipe.vision.crops. */

import { clamp } from "./numbers.js";

const nearest = (value) => Math.floor(value + 0.5); // halves go up, as in Python's part

/**
 * The square of `margin` times the box, around its centre, moved inside the image, and made smaller if it does not
 * fit: there is no padding.
 */
export function squareAround([left, top, right, bottom], { width, height }, margin) {
  const side = Math.max(1, Math.min(nearest(margin * Math.max(right - left, bottom - top)), height, width));
  const x = clamp(nearest((left + right - side) / 2), 0, width - side);
  const y = clamp(nearest((top + bottom - side) / 2), 0, height - side);
  return { x, y, side };
}

/**
 * The pixels of a square: bytes (side, side, channels), RGB or grey.
 * @param {ImageData} image
 */
export function cut({ data, width }, { x, y, side }, channels) {
  const pixels = new Uint8Array(side * side * channels);
  let out = 0;
  for (let row = y; row < y + side; row++) {
    for (let at = (row * width + x) * 4, end = at + side * 4; at < end; at += 4) {
      if (channels === 1) {
        pixels[out++] = grey(data[at], data[at + 1], data[at + 2]);
      } else {
        for (let channel = 0; channel < 3; channel++) pixels[out++] = data[at + channel];
      }
    }
  }
  return pixels;
}

/** Luma of BT.601 in 15 bits, as OpenCV rounds it. */
const grey = (red, green, blue) => (9798 * red + 19235 * green + 3735 * blue + 16384) >> 15;
