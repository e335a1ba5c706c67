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

/** Convolutions: images, their side and channels, output channels, the kernel's side. */
export const convolutions = (quick) =>
  quick
    ? [[1, 8, 4, 8, 3]]
    : [
        [256, 28, 1, 16, 3],
        [256, 14, 16, 32, 3],
        [64, 64, 32, 32, 3],
        [64, 32, 128, 128, 3],
      ];

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
