/** Arithmetic with the results of Python. */

/** Round half to even. */
export function round(value) {
  const down = Math.floor(value);
  const rest = value - down;
  if (rest !== 0.5) return rest < 0.5 ? down : down + 1;
  return down % 2 === 0 ? down : down + 1;
}

/** Clamp `value` to the range. */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** The index of the first largest value. */
export const argmax = (values) => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
