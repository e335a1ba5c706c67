/** `Mixer` of codes/mixer.ts: the same numbers. */
import { codeBit } from "./bits";
import {
  ageOf,
  buckets,
  contexts,
  count,
  log2Slots,
  logits,
  perDepth,
  rateOf,
  slots,
  squashOf,
  stretchOf,
  weights,
  weightsAt,
} from "./state";

const MOST_WEIGHT: i32 = 524288;
const MOST_LOGIT: i32 = 2047;
const MOST_SIGHTINGS: i32 = 60;

/** Looks the contexts up. */
export function enter(node: i32): void {
  const branch = (node + 1) * 0x9e3779b1;
  for (let i = 0; i < count; i++) {
    let hash = (load<i32>(contexts + (<usize>i << 2)) ^ branch) * 0x85ebca6b;
    hash = (hash ^ <i32>(<u32>hash >> 15)) * 0xc2b2ae35;
    const slot = (i << log2Slots) + (<i32>(<u32>hash >> (32 - log2Slots)) & -8);
    const bucket = slots + (<usize>slot << 2);
    store<i32>(buckets + (<usize>i << 2), <i32>bucket);
    const owner = hash ^ 0x80000000;
    if (load<i32>(bucket) == owner) continue;
    store<i32>(bucket, owner);
    store<i32>(bucket, 0, 4);
    store<i64>(bucket, 0, 8);
    store<i64>(bucket, 0, 16);
    store<i64>(bucket, 0, 24);
  }
}

// @ts-ignore: decorator
@inline
function slotOf(i: usize, place: usize): usize {
  return <usize>load<u32>(buckets + (i << 2)) + (place << 2);
}

// @ts-ignore: decorator
@inline
function weightOf(set: usize, i: usize, slot: i32): usize {
  return set + (i << 5) + (<usize>load<u8>(ageOf + (slot & 255)) << 2);
}

// @ts-ignore: decorator
@inline
function logitOf(slot: i32): i32 {
  return load<i16>(stretchOf + ((<u32>slot >> 20) << 1));
}

// @ts-ignore: decorator
@inline
function learn(weight: usize, error: i32, logit: i32): void {
  const moved = load<i32>(weight) + ((error * logit + 16384) >> 15);
  store<i32>(weight, min(max(moved, -MOST_WEIGHT), MOST_WEIGHT));
}

// @ts-ignore: decorator
@inline
function move(at: usize, slot: i32, aim: i32): void {
  const seen = slot & 255;
  const before = slot >> 16;
  const rate = <i32>load<u16>(rateOf + (<usize>seen << 1));
  const chance = before + (((aim - before) * rate) >> 12);
  store<i32>(at, (chance << 16) | (seen < MOST_SIGHTINGS ? seen + 1 : seen));
}

// @ts-ignore: decorator
@inline
function product(weight: usize, logit: i32): i64 {
  return <i64>(load<i32>(weight) * logit);
}

export function code(bit: u32, place: usize, depth: i32): u32 {
  const set = weights + (<usize>((depth & 31) * perDepth) << 2);
  const at0 = slotOf(0, place);
  const at1 = slotOf(1, place);
  const at2 = slotOf(2, place);
  const at3 = slotOf(3, place);
  const slot0 = load<i32>(at0);
  const slot1 = load<i32>(at1);
  const slot2 = load<i32>(at2);
  const slot3 = load<i32>(at3);
  const weight0 = weightOf(set, 0, slot0);
  const weight1 = weightOf(set, 1, slot1);
  const weight2 = weightOf(set, 2, slot2);
  const weight3 = weightOf(set, 3, slot3);
  const logit0 = logitOf(slot0);
  const logit1 = logitOf(slot1);
  const logit2 = logitOf(slot2);
  const logit3 = logitOf(slot3);
  let sum = product(weight0, logit0) + product(weight1, logit1);
  sum += product(weight2, logit2) + product(weight3, logit3);
  for (let i: usize = 4; i < <usize>count; i++) {
    const slot = load<i32>(slotOf(i, place));
    const weight = weightOf(set, i, slot);
    const logit = logitOf(slot);
    store<i32>(weightsAt + (i << 2), <i32>weight);
    store<i32>(logits + (i << 2), logit);
    sum += product(weight, logit);
  }
  const mixed = <i32>(sum >> 16);
  const cut = min(max(mixed, -MOST_LOGIT), MOST_LOGIT);
  const chance = <u32>load<u16>(squashOf + (<usize>(cut + 2048) << 1));
  const found = codeBit(bit, chance);
  const error = <i32>(found << 16) - <i32>chance;
  const aim = <i32>found * 65535 - 32768;
  learn(weight0, error, logit0);
  learn(weight1, error, logit1);
  learn(weight2, error, logit2);
  learn(weight3, error, logit3);
  move(at0, slot0, aim);
  move(at1, slot1, aim);
  move(at2, slot2, aim);
  move(at3, slot3, aim);
  for (let i: usize = 4; i < <usize>count; i++) {
    learn(<usize>load<u32>(weightsAt + (i << 2)), error, load<i32>(logits + (i << 2)));
    const at = slotOf(i, place);
    move(at, load<i32>(at), aim);
  }
  return found;
}
