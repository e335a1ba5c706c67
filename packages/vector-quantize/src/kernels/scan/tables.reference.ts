/** References of the small integers in `assembly/scan/prepare.ts`: the same bits. */

const add = (a: number, b: number) => Math.fround(a + b);

/** The least entry of each part, and how far its entries reach. */
function rangesOf(floats: Float32Array, size: number): { least: number; reach: number }[] {
  return Array.from({ length: floats.length / size }, (_, m) => {
    const own = floats.subarray(m * size, (m + 1) * size);
    const least = own.reduce((a, b) => Math.min(a, b));
    return {
      least,
      reach: add(
        own.reduce((a, b) => Math.max(a, b)),
        -least,
      ),
    };
  });
}

const unitsOf = (value: number, least: number, perUnit: number) =>
  Math.trunc(add(Math.fround(add(value, -least) * perUnit), 0.5));

/** Tables of nibbles, `[parts, 16]`, as bytes. */
export function quantizeNibblesReference(floats: Float32Array) {
  const ranges = rangesOf(floats, 16);
  const fours = ranges.length / 4;
  let start = 0;
  let widest = 0;
  for (let f = 0; f < fours; f++) {
    let sum = 0;
    for (const { least, reach } of ranges.slice(4 * f, 4 * f + 4)) {
      start = add(start, least);
      sum = add(sum, reach);
    }
    widest = Math.max(widest, sum);
  }
  const levels = Math.min(251, Math.trunc(32766 / fours) - 2);
  const perUnit = widest > 0 ? Math.fround(levels / widest) : 0;
  const small = Uint8Array.from(floats, (value, i) =>
    unitsOf(value, ranges[i >> 4]!.least, perUnit),
  );
  return { small, start, step: Math.fround(widest / levels) };
}

/** Tables of bytes, `[parts, 256]`, as integers. */
export function quantizeBytesReference(floats: Float32Array) {
  const ranges = rangesOf(floats, 256);
  const start = ranges.reduce((sum, { least }) => add(sum, least), 0);
  const sum = ranges.reduce((all, { reach }) => add(all, reach), 0);
  const levels = 32766 - ranges.length;
  const perUnit = sum > 0 ? Math.fround(levels / sum) : 0;
  const small = Uint16Array.from(floats, (value, i) =>
    unitsOf(value, ranges[i >> 8]!.least, perUnit),
  );
  return { small, start, step: Math.fround(sum / levels) };
}
