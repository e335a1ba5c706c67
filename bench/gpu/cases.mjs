/** Vectors, features and codes of the search's table (bench/cases.ts), and small ones for a try. */
export const shapes = (quick) =>
  quick
    ? [[256, 8, 64]]
    : [
        [16384, 256, 1024],
        [16384, 64, 8192],
        [65536, 8, 1024],
        [65536, 8, 16384],
        [16384, 32, 65536],
      ];

/** Vectors, features and clusters of k-means. */
export const clustering = (quick) => (quick ? [1024, 8, 16] : [65536, 64, 1024]);

export const nameOf = (shape) => shape.join(" x ");

/** Seeded normal numbers. */
export function gaussian(count, seed) {
  let word = seed;
  const next = () => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    return (word + 0.5) / 2 ** 32;
  };
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next()),
  );
}
