/** The label of a face: its most probable class, or `uncertain`. */

import { argmax } from "./numbers.js";

/** @returns {{best: string, share: number, certain: boolean, label: string}} */
export function verdict({ probabilities }, { classes, uncertain_below }) {
  const at = argmax(probabilities);
  const certain = probabilities[at] >= uncertain_below;
  return { best: classes[at], share: probabilities[at], certain, label: certain ? classes[at] : "uncertain" };
}

export const percent = (share) => `${Math.round(share * 100)} %`;
