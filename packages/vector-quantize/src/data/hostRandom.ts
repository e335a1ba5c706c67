/** Random numbers on the host: seeded, the same on every machine, independent of any device. */
export interface HostRandom {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Uniform in [min, max). */
  between(min: number, max: number): number;
  /** Uniform integer in [0, count). */
  below(count: number): number;
  /** One of `items`. */
  pick<T>(items: readonly [T, ...T[]]): T;
}

/**
 * A generator whose stream depends on all of `seeds`: (seed, image number), (seed, epoch).
 *
 * sfc32 by Chris Doty-Humphrey, which passes PractRand (https://pracrand.sourceforge.net), seeded
 * through the finaliser of MurmurHash3.
 */
export function hostRandom(...seeds: readonly number[]): HostRandom {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = 0xb7e15162;
  let counter = 1;

  function next(): number {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  for (const seed of seeds) {
    // Seeds beyond 32 bits count in full.
    a ^= mix(seed >>> 0);
    b ^= mix(Math.floor(seed / 2 ** 32) >>> 0);
    for (let i = 0; i < 4; i++) next();
  }
  for (let i = 0; i < 8; i++) next();

  const uniform = () => next() / 2 ** 32;
  const below = (count: number) => Math.floor(uniform() * count);
  return {
    uniform,
    between: (min, max) => min + (max - min) * uniform(),
    below,
    pick: <T>(items: readonly [T, ...T[]]) => items[below(items.length)] as T,
  };
}

/** The numbers 0 to `count - 1` in random order (Fisher-Yates). */
export function permutation(count: number, random: HostRandom): Uint32Array<ArrayBuffer> {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const held = order[i] as number;
    order[i] = order[j] as number;
    order[j] = held;
  }
  return order;
}

function mix(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
