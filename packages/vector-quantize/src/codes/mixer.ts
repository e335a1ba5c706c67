import type { BitCoder } from "./bitCoder.ts";
import { mostLogit, squash, stretch } from "./logistic.ts";

/** A weight of 1. */
const one = 1 << 16;
/** A weight moves by `error * logit / 2^15`: at a rate of 1/128 in weights of 1, errors of 1 and logits of 1. */
const learningShift = 15;
const half = 1 << (learningShift - 1);
/** Weights stay between -8 and 8. */
const mostWeight = 8 * one;
/** How many bits of depth have weights of their own. */
const depths = 32;
/** Most sightings that are counted: from then on a chance follows at 1/61 of the error. */
const mostSightings = 60;
/** Sightings of a context, by which weights are parted: 0, 1, 2, 3, 4-5, 6-8, 9-15, more. */
const ages = 8;
const ageOf = Uint8Array.from({ length: mostSightings + 1 }, (_, n) =>
  n < 4 ? n : n < 6 ? 4 : n < 9 ? 5 : n < 16 ? 6 : 7,
);
/** By how much of the error, out of 4096, a chance moves after so many sightings. */
const rates = Uint16Array.from({ length: mostSightings + 1 }, (_, n) =>
  Math.floor(8192 / (2 * n + 3)),
);
/** A context is looked up once for so many bits: they lie side by side. */
export const groupBits = 3;
/** The state of a context that has not been seen: a chance of one half. */
const unseen = 0x8000 << 16;

/**
 * Codes bits by the mixed forecasts of several contexts. Each context is a hash table of adaptive
 * chances; their logits are added, weighted by what has served at this depth and for contexts seen
 * that often, and the weights learn from every bit. All of it in whole numbers.
 *
 * A table is of buckets of 8 slots: seven chances of `groupBits` bits of a symbol, by the bits among them
 * that came before, and whose they are. A context that comes to another's bucket starts it afresh.
 */
export class Mixer {
  /** Hashes of what is known about the next symbol, one a context: the caller sets them. */
  readonly contexts: Int32Array;
  private readonly slots: Int32Array;
  private readonly weights: Int32Array;
  private readonly log2Slots: number;
  /** Where each context's bucket is. */
  private readonly buckets: Int32Array;
  // Of the bit at hand: where each context's weight is, and its logit.
  private readonly weightPlaces: Int32Array;
  private readonly logits: Int32Array;

  constructor(contexts: number, log2Slots: number) {
    this.contexts = new Int32Array(contexts);
    this.slots = new Int32Array(contexts << log2Slots).fill(unseen);
    this.weights = new Int32Array(depths * contexts * ages).fill(Math.floor(one / contexts));
    this.log2Slots = log2Slots;
    this.buckets = new Int32Array(contexts);
    this.weightPlaces = new Int32Array(contexts);
    this.logits = new Int32Array(contexts);
  }

  /**
   * Looks the contexts up, for the next `groupBits` bits of a symbol.
   *
   * @param node which bits of the symbol they are, by all bits before them
   */
  enter(node: number): void {
    const { contexts, slots, log2Slots, buckets } = this;
    const branch = Math.imul(node + 1, 0x9e3779b1);
    for (let i = 0; i < contexts.length; i++) {
      let hash = Math.imul(contexts[i]! ^ branch, 0x85ebca6b);
      hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
      const bucket = (i << log2Slots) + ((hash >>> (32 - log2Slots)) & -8);
      buckets[i] = bucket;
      if (slots[bucket] === hash) continue;
      slots[bucket] = hash;
      for (let slot = 1; slot < 8; slot++) slots[bucket + slot] = unseen;
    }
  }

  /**
   * @param place which bit it is since `enter`: 1, then twice that and the bit that came
   * @param depth how many bits of the symbol were before it
   */
  code(coder: BitCoder, bit: number, place: number, depth: number): number {
    const { slots, weights, buckets, weightPlaces, logits } = this;
    const count = buckets.length;
    const set = (depth & (depths - 1)) * count;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const slot = slots[buckets[i]! + place]!;
      const logit = stretch[slot >>> 20]!;
      const weightPlace = (set + i) * ages + ageOf[slot & 255]!;
      weightPlaces[i] = weightPlace;
      logits[i] = logit;
      sum += weights[weightPlace]! * logit;
    }
    const mixed = Math.floor(sum / one);
    const cut = mixed > mostLogit ? mostLogit : mixed < -mostLogit ? -mostLogit : mixed;
    const chance = squash[cut + 2048]!;
    const found = coder.code(bit, chance);
    this.learn(found, place, (found << 16) - chance);
    return found;
  }

  /** Moves chances and weights towards the bit that came. */
  private learn(bit: number, place: number, error: number): void {
    const { slots, weights, buckets, weightPlaces, logits } = this;
    const aim = bit * 65535;
    for (let i = 0; i < buckets.length; i++) {
      const at = weightPlaces[i]!;
      const weight = weights[at]! + ((error * logits[i]! + half) >> learningShift);
      weights[at] = weight > mostWeight ? mostWeight : weight < -mostWeight ? -mostWeight : weight;
      const slotAt = buckets[i]! + place;
      const slot = slots[slotAt]!;
      const seen = slot & 255;
      const before = slot >>> 16;
      const chance = before + (((aim - before) * rates[seen]!) >> 12);
      slots[slotAt] = (chance << 16) | (seen < mostSightings ? seen + 1 : seen);
    }
  }
}
