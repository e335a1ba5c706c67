/** More directions than these save too little. */
const MOST_AXES = 64;

/** Directions that vectors of `dim` features are projected onto at first; 0: too few to gain. */
export function firstAxes(dim: number): number {
  if (dim < 48) return 0;
  return dim < 160 ? 16 : 32;
}

/** Directions that vectors of `dim` features are projected onto at most. */
export function mostAxes(dim: number): number {
  const first = firstAxes(dim);
  return 2 * first <= Math.min(dim / 4, MOST_AXES) ? 2 * first : first;
}
