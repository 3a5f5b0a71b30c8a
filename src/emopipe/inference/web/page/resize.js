/**
 * Shrinks an image by averaging the area of each new pixel, as OpenCV's INTER_AREA does.
 *
 * Images are RGBA bytes (H, W, 4), as a canvas gives them; the result is planar RGB, (3, height, width) within
 * planes of `stride` columns and `rows` rows, the rest of which stays 0.
 */

import { round } from "./numbers.js";

/** The source pixels of each of `target` new ones, with their weights: [start, weights]. */
function coverage(source, target) {
  const scale = source / target;
  return Array.from({ length: target }, (_, i) => {
    const [from, to] = [i * scale, Math.min((i + 1) * scale, source)];
    const [start, end] = [Math.floor(from + 1e-3), Math.min(Math.ceil(to - 1e-3), source)];
    const weights = [];
    for (let k = start; k < end; k++) weights.push((Math.min(to, k + 1) - Math.max(from, k)) / (to - from));
    return { start, weights };
  });
}

/**
 * @param {ImageData} image
 * @param {{width: number, height: number, stride: number, rows: number}} target
 * @returns {Float32Array} whole numbers from 0 to 255, (3, rows, stride)
 */
export function shrinkToPlanes({ data, width, height }, target) {
  const columns = coverage(width, target.width);
  const plane = target.rows * target.stride;
  const planes = new Float32Array(3 * plane);
  const mixed = new Float32Array(width * 3);
  const halved = width === 2 * target.width && height === 2 * target.height;
  const whole = halved ? (value) => Math.floor(value + 0.5) : round; // of ties, as OpenCV's short cut for halves does
  coverage(height, target.height).forEach(({ start, weights }, y) => {
    mixRows(data, width, start, weights, mixed);
    let out = y * target.stride;
    for (const { start: first, weights: shares } of columns) {
      let [red, green, blue] = [0, 0, 0];
      for (let k = 0, at = first * 3; k < shares.length; k++, at += 3) {
        red += shares[k] * mixed[at];
        green += shares[k] * mixed[at + 1];
        blue += shares[k] * mixed[at + 2];
      }
      planes[out] = whole(red);
      planes[out + plane] = whole(green);
      planes[out + 2 * plane] = whole(blue);
      out += 1;
    }
  });
  return planes;
}

/** The weighted mean of some rows of RGBA bytes, into `mixed` (W, 3). */
function mixRows(data, width, start, weights, mixed) {
  mixed.fill(0);
  weights.forEach((weight, k) => {
    let at = (start + k) * width * 4;
    for (let x = 0; x < width * 3; x += 3, at += 4) {
      mixed[x] += weight * data[at];
      mixed[x + 1] += weight * data[at + 1];
      mixed[x + 2] += weight * data[at + 2];
    }
  });
}
