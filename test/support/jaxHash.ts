import { Jaxpr } from "@jax-js/jax";

/**
 * The hash that jax-js knows its graphs and kernels by, without big integers: the same numbers, and a table of
 * quantizers, which compiles hundreds of graphs, takes a fifth less time. (A program that compiles a few gains 4 %.)
 *
 * `value = (value * BASE + x) mod MODULUS` for each character `x` of what is hashed.
 */
const BASE = 873192869;
const MODULUS = 3189051996290219; // below 2^52

/** jax-js's `FpHash`. */
export interface Hasher {
  value: bigint;
  update(x: unknown): this;
}

// Both in two halves, so that no product of halves, and no sum of them that is not rounded away, passes 2^53.
const [BASE_HIGH, BASE_LOW] = halves(BASE, 2 ** 15);
const [MODULUS_HIGH, MODULUS_LOW] = halves(MODULUS, 2 ** 21);

function halves(x: number, unit: number): [high: number, low: number] {
  const high = Math.floor(x / unit);
  return [high, x - high * unit];
}

/** `(value * BASE + x) mod MODULUS` of whole numbers from 0 to below MODULUS, exactly. */
function next(value: number, x: number): number {
  const high = Math.floor(value / 2 ** 21);
  const low = value - high * 2 ** 21;
  const times = Math.floor((value * BASE) / MODULUS); // to within 1
  const timesHigh = Math.floor(times / 2 ** 15);
  const timesLow = times - timesHigh * 2 ** 15;
  const top = (high * BASE_HIGH - timesHigh * MODULUS_HIGH) * 2 ** 15;
  const upper = top + (high * BASE_LOW - timesLow * MODULUS_HIGH);
  const middle = low * BASE_HIGH - timesHigh * MODULUS_LOW;
  let rest = upper * 2 ** 21 + middle * 2 ** 15 + (low * BASE_LOW - timesLow * MODULUS_LOW);
  if (rest < 0) rest += MODULUS;
  rest += x;
  return rest < MODULUS ? rest : rest - MODULUS;
}

/** What jax-js turns numbers and hashes of parts over with, before it hashes them. */
const [NUMBER, PART] = [68265653, 71657401];

/** `update` for texts, sizes and hashes of parts, which are nearly all that is hashed; `other` for the rest. */
export function updateOf(other: Hasher["update"]): Hasher["update"] {
  return function update(this: Hasher, x) {
    if (this.value < 0n) return other.call(this, x);
    let value = Number(this.value);
    if (typeof x === "string") {
      value = next(value, x.length);
      for (let i = 0; i < x.length; i++) value = next(value, 199 + x.charCodeAt(i));
    } else if (typeof x === "number" && Number.isInteger(x) && x >= 0 && x < 2 ** 31) {
      value = next(value, NUMBER ^ x);
    } else if (typeof x === "bigint" && x >= 0n && x < MODULUS) {
      const part = Number(x);
      const low = part % 2 ** 30;
      const turned = part - low + (low ^ PART);
      value = next(value, turned < MODULUS ? turned : turned - MODULUS);
    } else return other.call(this, x);
    this.value = BigInt(value);
    return this;
  };
}

/** Marks a class that is sped up: files that share a process all ask for it. */
const done = Symbol.for("vector-quantize: speedUpHash");

/** Speeds up jax-js's hash, from the first graph that is compiled. */
export function speedUpHash(): void {
  const { hash } = Jaxpr.prototype;
  // The class of hashes is not exported: the first graph is handed one.
  Jaxpr.prototype.hash = function (hasher) {
    Jaxpr.prototype.hash = hash;
    const made: Hasher = Object.getPrototypeOf(hasher);
    if (!Object.hasOwn(made, done)) {
      made.update = updateOf(made.update);
      Object.defineProperty(made, done, { value: true });
    }
    hash.call(this, hasher);
  };
}
