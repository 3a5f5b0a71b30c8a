/** The expression classifier. Preprocessing and calibration are inside the graph: bytes in, probabilities out. */

import { cut, squareAround } from "./crops.js";

export class Classifier {
  /** @param {{channels: number, margin: number}} settings C of the model; side of a crop relative to the box */
  constructor(ort, session, { channels, margin }) {
    Object.assign(this, { ort, session, channels, margin });
  }

  /**
   * @param {ImageData} image
   * @param {number[][]} boxes of faces
   * @returns {Promise<number[][]>} probabilities of each face
   */
  async classify(image, boxes) {
    const all = [];
    for (const box of boxes) {
      const square = squareAround(box, image, this.margin);
      const pixels = cut(image, square, this.channels);
      const images = new this.ort.Tensor("uint8", pixels, [1, square.side, square.side, this.channels]);
      const { probabilities } = await this.session.run({ images });
      all.push(Array.from(probabilities.data));
    }
    return all;
  }
}
