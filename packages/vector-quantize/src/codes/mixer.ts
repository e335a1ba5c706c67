import type { BitCoder } from "./bitCoder.ts";
import { bitsOf, mostLogit, squash, stretch } from "./logistic.ts";

/** A weight of 1. */
const one = 1 << 16;
/** A weight moves by `error * logit / 2^15`: at a rate of 1/128 in weights of 1, errors of 1 and logits of 1. */
const usualShift = 15;
/** Weights stay between -8 and 8. */
const mostWeight = 8 * one;
/** How many bits of depth have weights of their own. */
export const depths = 32;
/** Most sightings that are counted: from then on a chance follows at 1/61 of the error. */
const mostSightings = 60;
/** Sightings of a context, by which weights are parted: 0, 1, 2, 3, 4-5, 6-8, 9-15, more. */
export const ages = 8;
export const ageOf = Uint8Array.from({ length: mostSightings + 1 }, (_, n) =>
  n < 4 ? n : n < 6 ? 4 : n < 9 ? 5 : n < 16 ? 6 : 7,
);
/** By how much of the error, out of 4096, a chance moves after so many sightings. */
export const rates = Uint16Array.from({ length: mostSightings + 1 }, (_, n) =>
  Math.floor(8192 / (2 * n + 3)),
);
/** A context is looked up once for so many bits: they lie side by side. */
export const groupBits = 3;
/**
 * What is stored of a slot: its chance less one half in the high 16 bits, its sightings in the low 8. So a
 * slot that has not been seen is 0, as fresh memory is. Of a bucket's first slot: whose it is, likewise.
 */
const half16 = 0x8000;
const ownerShift = 0x80000000 | 0;
/** `stretch` by the high 12 bits of what is stored. */
export const stretchOf = Int16Array.from(stretch, (_, i) => stretch[(i + 2048) & 4095]!);
/** Contexts that every layer has. */
const fewestContexts = 4;
/** Slots that are put back together, as a power of two. */
const log2Block = 6;

/** What a mixer had learned when it was kept. */
interface Kept {
  readonly slots: Int32Array;
  readonly weights: Int32Array;
  /** Whether slots of a block may have changed since, and which ones may. */
  readonly changed: Uint8Array;
  readonly blocks: number[];
}

/**
 * Codes bits by the mixed forecasts of several contexts. Each context is a hash table of adaptive
 * chances; their logits are added, weighted by what has served at this depth and for contexts seen
 * that often, and the weights learn from every bit. All of it in whole numbers.
 *
 * A table is of buckets of 8 slots: seven chances of `groupBits` bits of a symbol, by the bits among them
 * that came before, and whose they are. A context that comes to another's bucket starts it afresh.
 *
 * Four contexts are written out one by one: a loop over arrays takes half as long again.
 */
export class Mixer {
  /** Hashes of what is known about the next symbol, one a context: the caller sets them. */
  readonly contexts: Int32Array;
  private readonly slots: Int32Array;
  private readonly weights: Int32Array;
  private readonly log2Slots: number;
  /** Where each context's bucket is, and where it would be for `cost`; -1: afresh. */
  private readonly buckets: Int32Array;
  private readonly peeked: Int32Array;
  // Of the bit at hand, for contexts beyond the first four: where each one's weight is, and its logit.
  private readonly weightPlaces: Int32Array;
  private readonly logits: Int32Array;
  /** A weight moves by `error * logit / 2^shift`. */
  shift = usualShift;
  private kept: Kept | undefined;

  constructor(contexts: number, log2Slots: number) {
    this.contexts = new Int32Array(contexts);
    this.slots = new Int32Array(contexts << log2Slots);
    this.weights = new Int32Array(depths * contexts * ages).fill(Math.floor(one / contexts));
    this.log2Slots = log2Slots;
    this.buckets = new Int32Array(contexts);
    this.peeked = new Int32Array(contexts);
    this.weightPlaces = new Int32Array(contexts);
    this.logits = new Int32Array(contexts);
  }

  /** Tables of one's own that begin with what `keep` kept. */
  copy(): Mixer {
    const mixer = new Mixer(this.contexts.length, this.log2Slots);
    const { slots, weights, changed } = this.kept as Kept;
    mixer.slots.set(slots);
    mixer.weights.set(weights);
    mixer.shift = this.shift;
    mixer.kept = { slots, weights, changed: new Uint8Array(changed.length), blocks: [] };
    return mixer;
  }

  /** What has been learned by now is what `restore` puts back. */
  keep(): void {
    const { slots, weights } = this;
    const changed = new Uint8Array(slots.length >> log2Block);
    this.kept = { slots: slots.slice(), weights: weights.slice(), changed, blocks: [] };
  }

  /** Forgets what has been learned since `keep`: as long as what was coded, whatever the tables' size. */
  restore(): void {
    if (!this.kept) return;
    const { slots, weights, changed, blocks } = this.kept;
    this.weights.set(weights);
    for (const block of blocks) {
      const end = (block + 1) << log2Block;
      for (let at = block << log2Block; at < end; at++) this.slots[at] = slots[at]!;
      changed[block] = 0;
    }
    blocks.length = 0;
  }

  /**
   * Looks the contexts up, for the next `groupBits` bits of a symbol.
   *
   * @param node which bits of the symbol they are, by all bits before them
   */
  enter(node: number): void {
    const { contexts, slots, log2Slots, buckets } = this;
    const { kept } = this;
    const branch = branchOf(node);
    for (let i = 0; i < contexts.length; i++) {
      const hash = hashOf(contexts[i]!, branch);
      const bucket = (i << log2Slots) + ((hash >>> (32 - log2Slots)) & -8);
      buckets[i] = bucket;
      if (kept) mark(kept, bucket >>> log2Block);
      const owner = hash ^ ownerShift;
      if (slots[bucket] === owner) continue;
      slots[bucket] = owner;
      for (let slot = bucket + 1; slot < bucket + 8; slot++) slots[slot] = 0;
    }
  }

  /** Looks the contexts up for `cost`, as `enter` does for `code`, and leaves all as it is. */
  peek(node: number): void {
    const { contexts, slots, log2Slots, peeked } = this;
    const branch = branchOf(node);
    for (let i = 0; i < contexts.length; i++) {
      const hash = hashOf(contexts[i]!, branch);
      const bucket = (i << log2Slots) + ((hash >>> (32 - log2Slots)) & -8);
      peeked[i] = slots[bucket] === (hash ^ ownerShift) ? bucket : -1;
    }
  }

  /**
   * What `code` would take for a bit, in 65536ths of a bit. Nothing is learned.
   *
   * @param place since `peek`
   */
  cost(bit: number, place: number, depth: number): number {
    const { slots, weights, peeked } = this;
    const count = peeked.length;
    const set = (depth & (depths - 1)) * count * ages;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const bucket = peeked[i]!;
      const slot = bucket < 0 ? 0 : slots[bucket + place]!;
      sum += weights[set + i * ages + ageOf[slot & 255]!]! * stretchOf[slot >>> 20]!;
    }
    const chance = chanceOf(sum);
    return bitsOf(bit === 0 ? one - chance : chance);
  }

  /**
   * @param place which bit it is since `enter`: 1, then twice that and the bit that came
   * @param depth how many bits of the symbol were before it
   */
  code(coder: BitCoder, bit: number, place: number, depth: number): number {
    const { slots, weights, buckets, shift } = this;
    const count = buckets.length;
    const set = (depth & (depths - 1)) * count * ages;
    const at0 = buckets[0]! + place;
    const at1 = buckets[1]! + place;
    const at2 = buckets[2]! + place;
    const at3 = buckets[3]! + place;
    const slot0 = slots[at0]!;
    const slot1 = slots[at1]!;
    const slot2 = slots[at2]!;
    const slot3 = slots[at3]!;
    const weight0 = set + ageOf[slot0 & 255]!;
    const weight1 = set + ages + ageOf[slot1 & 255]!;
    const weight2 = set + 2 * ages + ageOf[slot2 & 255]!;
    const weight3 = set + 3 * ages + ageOf[slot3 & 255]!;
    const logit0 = stretchOf[slot0 >>> 20]!;
    const logit1 = stretchOf[slot1 >>> 20]!;
    const logit2 = stretchOf[slot2 >>> 20]!;
    const logit3 = stretchOf[slot3 >>> 20]!;
    // Each product is below 2^30, their sum beyond 32 bits: a number that is exact all the same.
    let sum = weights[weight0]! * logit0 + weights[weight1]! * logit1;
    sum += weights[weight2]! * logit2 + weights[weight3]! * logit3;
    if (count > fewestContexts) sum += this.further(place, set);
    const chance = chanceOf(sum);
    const found = coder.code(bit, chance);
    const error = (found << 16) - chance;
    // What is stored of the chance that is aimed at: 65535 or 0.
    const aim = found * 65535 - half16;
    weights[weight0] = learned(weights[weight0]!, error, logit0, shift);
    weights[weight1] = learned(weights[weight1]!, error, logit1, shift);
    weights[weight2] = learned(weights[weight2]!, error, logit2, shift);
    weights[weight3] = learned(weights[weight3]!, error, logit3, shift);
    slots[at0] = moved(slot0, aim);
    slots[at1] = moved(slot1, aim);
    slots[at2] = moved(slot2, aim);
    slots[at3] = moved(slot3, aim);
    if (count > fewestContexts) this.learnFurther(place, error, aim);
    return found;
  }

  /** What the contexts behind the first four add to the logit. */
  private further(place: number, set: number): number {
    const { slots, weights, buckets, weightPlaces, logits } = this;
    let sum = 0;
    for (let i = fewestContexts; i < buckets.length; i++) {
      const slot = slots[buckets[i]! + place]!;
      const weightPlace = set + i * ages + ageOf[slot & 255]!;
      const logit = stretchOf[slot >>> 20]!;
      weightPlaces[i] = weightPlace;
      logits[i] = logit;
      sum += weights[weightPlace]! * logit;
    }
    return sum;
  }

  private learnFurther(place: number, error: number, aim: number): void {
    const { slots, weights, buckets, weightPlaces, logits, shift } = this;
    for (let i = fewestContexts; i < buckets.length; i++) {
      const at = weightPlaces[i]!;
      weights[at] = learned(weights[at]!, error, logits[i]!, shift);
      const slotAt = buckets[i]! + place;
      slots[slotAt] = moved(slots[slotAt]!, aim);
    }
  }
}

/** Spreads which bits of a symbol are meant. */
const branchOf = (node: number) => Math.imul(node + 1, 0x9e3779b1);

/** A context's hash for them. */
function hashOf(context: number, branch: number): number {
  const hash = Math.imul(context ^ branch, 0x85ebca6b);
  return Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
}

/** The chance of a 1 by weighted logits. */
function chanceOf(sum: number): number {
  const mixed = Math.floor(sum * (1 / one));
  const cut = mixed > mostLogit ? mostLogit : mixed < -mostLogit ? -mostLogit : mixed;
  return squash[cut + 2048]!;
}

function mark({ changed, blocks }: Kept, block: number): void {
  if (changed[block] === 1) return;
  changed[block] = 1;
  blocks.push(block);
}

/** A weight moved by what its context has contributed to the error. */
function learned(before: number, error: number, logit: number, shift: number): number {
  const weight = before + ((Math.imul(error, logit) + (1 << (shift - 1))) >> shift);
  return weight > mostWeight ? mostWeight : weight < -mostWeight ? -mostWeight : weight;
}

/** A slot moved towards the bit that came. */
function moved(slot: number, aim: number): number {
  const seen = slot & 255;
  const before = slot >> 16;
  const chance = before + (Math.imul(aim - before, rates[seen]!) >> 12);
  return (chance << 16) | (seen < mostSightings ? seen + 1 : seen);
}
