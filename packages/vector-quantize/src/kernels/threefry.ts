/** Distances that the rounds of Threefry-2x32 turn by. */
const TURNS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;
const ROUNDS = 5;

/**
 * Threefry-2x32-20: two words of 32 bits from a key of two, for a counter of two.
 *
 * Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011, as jax-js's `random` has it.
 */
export function threefry(key: Uint32Array, high: number, low: number): [number, number] {
  const [k0, k1] = [(key[0] as number) | 0, (key[1] as number) | 0];
  const keys = [k0, k1, k0 ^ k1 ^ 0x1bd11bda];
  let [a, b] = [(high + k0) | 0, (low + k1) | 0];
  for (let round = 0; round < ROUNDS; round++) {
    for (const turn of TURNS[round % 2] as (typeof TURNS)[0]) {
      a = (a + b) | 0;
      b = ((b << turn) | (b >>> (32 - turn))) ^ a;
    }
    a = (a + (keys[(round + 1) % 3] as number)) | 0;
    b = (b + (keys[(round + 2) % 3] as number) + round + 1) | 0;
  }
  return [a >>> 0, b >>> 0];
}

/** The key at `index` of those that `random.split` makes of `key`, however many. */
export const splitKeyAt = (key: Uint32Array, index: number): Uint32Array<ArrayBuffer> =>
  Uint32Array.from(threefry(key, 0, index));
