/**
 * Uniform numbers in [0, 1) with 53 bits, the same for the same seed everywhere: pairs of outputs of
 * mulberry32, a 32-bit generator in the public domain (Tommy Ettinger, 2017).
 */
export function uniformFrom(seed: number): () => number {
  let state = seed >>> 0;
  const bits = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return () => ((bits() >>> 5) * 2 ** 26 + (bits() >>> 6)) / 2 ** 53;
}

/** `count` distinct integers below `total`, in random order. */
export function sampleDistinct(next: () => number, total: number, count: number): Int32Array {
  // The first places of a shuffle; only the places that were swapped are kept.
  const moved = new Map<number, number>();
  return Int32Array.from({ length: count }, (_, i) => {
    const j = i + Math.floor(next() * (total - i));
    const chosen = moved.get(j) ?? j;
    moved.set(j, moved.get(i) ?? i);
    return chosen;
  });
}
