/** A colour for each class, light enough for black text and dark enough for a white page. */

const KNOWN = {
  angry: "#f0555b",
  disgust: "#7fb23a",
  fear: "#a17bff",
  happy: "#f3b72b",
  sad: "#4f95ff",
  surprise: "#27bdb6",
  neutral: "#98a1b3",
  contempt: "#d873b4",
};
const GOLDEN_ANGLE = 137.508; // hues that stay apart, however many there are

export const UNCERTAIN = "#98a1b3";

/** @returns {Map<string, string>} class to colour */
export const palette = (classes) =>
  new Map(classes.map((name, i) => [name, KNOWN[name] ?? `hsl(${(i * GOLDEN_ANGLE) % 360} 65% 62%)`]));
