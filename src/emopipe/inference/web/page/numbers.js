/** Arithmetic that has to come out as in Python. */

/** The nearest whole number; of two equally near, the even one. */
export function round(value) {
  const down = Math.floor(value);
  const rest = value - down;
  if (rest !== 0.5) return rest < 0.5 ? down : down + 1;
  return down % 2 === 0 ? down : down + 1;
}

/** `value`, or the nearer end of the range. */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** The place of the largest value; the first of equal ones. */
export const argmax = (values) => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
