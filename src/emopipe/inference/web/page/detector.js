/** The detector: CenterFace (Xu et al. 2019, arXiv:1911.03599), a point per face with the logarithm of its size. */

import { suppress } from "./boxes.js";
import { clamp, round } from "./numbers.js";
import { shrinkToPlanes } from "./resize.js";

const STRIDE = 4; // input pixels per output cell
const MULTIPLE = 32; // of the sides that the network takes

export class Detector {
  /** @param {{longest: number, min_score: number, max_overlap: number}} of settings.json */
  constructor(ort, session, settings) {
    Object.assign(this, { ort, session, settings });
  }

  /**
   * The faces of an image, highest score first.
   * @param {ImageData} image
   * @returns {Promise<{box: number[], score: number}[]>}
   */
  async detect(image) {
    const { longest, min_score, max_overlap } = this.settings;
    const scale = Math.min(1, longest / Math.max(image.width, image.height));
    const [width, height] = [image.width, image.height].map((side) => Math.max(1, round(side * scale)));
    const [stride, rows] = [width, height].map((side) => Math.ceil(side / MULTIPLE) * MULTIPLE);
    const planes = shrinkToPlanes(image, { width, height, stride, rows }); // black at the right and below
    const input = new this.ort.Tensor("float32", planes, [1, 3, rows, stride]);
    const { heatmap, log_size, offset } = await this.session.run({ image: input });
    const found = decode(heatmap.data, log_size.data, offset.data, stride / STRIDE, min_score);
    return suppress(found, max_overlap).map(({ box, score }) => {
      const inside = box.map((at, i) => clamp(at / scale, 0, i % 2 ? image.height : image.width));
      return { box: inside, score };
    });
  }
}

/** Boxes in pixels of the network's input, from (h, w), (2, h, w) and (2, h, w); height and y come first. */
export function decode(heatmap, logSize, offset, columns, minScore) {
  const cells = heatmap.length;
  const faces = [];
  for (let cell = 0; cell < cells; cell++) {
    if (heatmap[cell] <= minScore) continue;
    const [height, width] = [cell, cells + cell].map((at) => Math.exp(logSize[at]) * STRIDE);
    const y = (Math.floor(cell / columns) + offset[cell] + 0.5) * STRIDE;
    const x = ((cell % columns) + offset[cells + cell] + 0.5) * STRIDE;
    const box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
    faces.push({ box, score: heatmap[cell] });
  }
  return faces;
}
