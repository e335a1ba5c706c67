/** Where tables and buffers lie, and the coder at work: one at a time. */

export let stretchOf: usize = 0;
export let squashOf: usize = 0;
export let ageOf: usize = 0;
export let rateOf: usize = 0;
/** int32 places, for each context: its hash, its bucket, its weight, its logit. */
export let contexts: usize = 0;
export let buckets: usize = 0;
export let weightsAt: usize = 0;
export let logits: usize = 0;

export let weights: usize = 0;
export let slots: usize = 0;
export let log2Slots: i32 = 0;
export let count: i32 = 0;
/** Weights of a depth. */
export let perDepth: i32 = 0;

/** @param tables `stretch` int16 [4096], `squash` uint16 [4096], rates uint16 [64], ages uint8 [64]; then room */
export function placeTables(tables: usize): void {
  stretchOf = tables;
  squashOf = tables + 8192;
  rateOf = tables + 16384;
  ageOf = tables + 16512;
  contexts = tables + 16576;
  buckets = contexts + 32;
  weightsAt = contexts + 64;
  logits = contexts + 96;
}

/** Which contexts there are, with weights `[32, count, 8]` and slots `[count, 2^log2]`. */
export function placeMixer(atWeights: usize, atSlots: usize, log2: i32, number: i32): void {
  weights = atWeights;
  slots = atSlots;
  log2Slots = log2;
  count = number;
  perDepth = number * 8;
}
