/** Whole numbers that look random, the same every time. */
export function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Normal numbers, the same every time. */
export function normalNumbers(length: number, seed: number): Float32Array {
  const next = numbers(seed >>> 0);
  const uniform = () => (next(2 ** 32) + 1) / (2 ** 32 + 1);
  return Float32Array.from(
    { length },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}
