/** 64 bits of numbers: others where one bit of them is another. Two sums in the manner of FNV-1a, of words. */
export function fingerprint(
  numbers: readonly (Float32Array | Int32Array | Uint32Array)[],
): Int32Array {
  let [a, b] = [0x811c9dc5, 0x2b9a7f31];
  for (const { buffer, byteOffset, length } of numbers) {
    const words = new Int32Array(buffer, byteOffset, length);
    for (let i = 0; i < length; i++) {
      const word = words[i] as number;
      a = Math.imul(a ^ word, 0x01000193);
      a ^= a >>> 15; // the low bits see the high ones
      b = Math.imul(b ^ ((word << 13) | (word >>> 19)), 0x5bd1e995);
      b ^= b >>> 13;
    }
  }
  return Int32Array.of(a, b);
}
