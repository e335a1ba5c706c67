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
const buckets = 8;
const bucketOf = Uint8Array.from({ length: mostSightings + 1 }, (_, n) =>
  n < 4 ? n : n < 6 ? 4 : n < 9 ? 5 : n < 16 ? 6 : 7,
);
/** By how much of the error, out of 4096, a chance moves after so many sightings. */
const rates = Uint16Array.from({ length: mostSightings + 1 }, (_, n) =>
  Math.floor(8192 / (2 * n + 3)),
);
/** The state of a context that has not been seen: a chance of one half. */
const unseen = 0x80000000;

/**
 * Codes bits by the mixed forecasts of several contexts. Each context is a hash table of adaptive
 * chances; their logits are added, weighted by what has served at this depth and for contexts seen
 * that often, and the weights learn from every bit. All of it in whole numbers.
 *
 * A slot has 16 bits of chance, 8 of sightings, and 8 that tell whose it is: another context that comes
 * to the same slot starts afresh.
 */
export class Mixer {
  /** Hashes of what is known about the next symbol, one a context: the caller sets them. */
  readonly contexts: Int32Array;
  private readonly slots: Uint32Array;
  private readonly weights: Int32Array;
  private readonly log2Slots: number;
  // Of the bit at hand: where each context's slot and weight are, and its logit.
  private readonly places: Int32Array;
  private readonly weightPlaces: Int32Array;
  private readonly logits: Int32Array;

  constructor(contexts: number, log2Slots: number) {
    this.contexts = new Int32Array(contexts);
    this.slots = new Uint32Array(contexts << log2Slots).fill(unseen);
    this.weights = new Int32Array(depths * contexts * buckets).fill(Math.floor(one / contexts));
    this.log2Slots = log2Slots;
    this.places = new Int32Array(contexts);
    this.weightPlaces = new Int32Array(contexts);
    this.logits = new Int32Array(contexts);
  }

  /**
   * @param node which bit of the symbol it is, by all bits before it
   * @param depth how many bits of the symbol were before it
   */
  code(coder: BitCoder, bit: number, node: number, depth: number): number {
    const { contexts, slots, weights, log2Slots, places, weightPlaces, logits } = this;
    const count = contexts.length;
    const branch = Math.imul(node + 1, 0x9e3779b1);
    const set = (depth & (depths - 1)) * count;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      let hash = Math.imul(contexts[i]! ^ branch, 0x85ebca6b);
      hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
      const owner = hash & 255;
      const place = (i << log2Slots) + (hash >>> (32 - log2Slots));
      let slot = slots[place]!;
      if ((slot & 255) !== owner) {
        slot = (unseen | owner) >>> 0;
        slots[place] = slot;
      }
      const logit = stretch[slot >>> 20]!;
      const weightPlace = (set + i) * buckets + bucketOf[(slot >>> 8) & 255]!;
      places[i] = place;
      weightPlaces[i] = weightPlace;
      logits[i] = logit;
      sum += weights[weightPlace]! * logit;
    }
    const mixed = Math.floor(sum / one);
    const cut = mixed > mostLogit ? mostLogit : mixed < -mostLogit ? -mostLogit : mixed;
    const chance = squash[cut + 2048]!;
    const found = coder.code(bit, chance);
    this.learn(found, (found << 16) - chance);
    return found;
  }

  /** Moves chances and weights towards the bit that came. */
  private learn(bit: number, error: number): void {
    const { slots, weights, places, weightPlaces, logits } = this;
    const aim = bit * 65535;
    for (let i = 0; i < places.length; i++) {
      const at = weightPlaces[i]!;
      const weight = weights[at]! + ((error * logits[i]! + half) >> learningShift);
      weights[at] = weight > mostWeight ? mostWeight : weight < -mostWeight ? -mostWeight : weight;
      const place = places[i]!;
      const slot = slots[place]!;
      const seen = (slot >>> 8) & 255;
      const before = slot >>> 16;
      const chance = before + (((aim - before) * rates[seen]!) >> 12);
      slots[place] =
        ((chance << 16) | ((seen < mostSightings ? seen + 1 : seen) << 8) | (slot & 255)) >>> 0;
    }
  }
}
