/**
 * Codes of four bits a part, by sums of small integers: a table of 16 bytes gives what each nibble
 * adds, and one instruction looks up 16 of them (Andre, Kermarrec, Le Scouarnec, 2015).
 */
import { ENTRY, LANES, ScanItem, ScanJob } from "./job";
import { choose, largest, orderOf, roomFor, valueOf } from "./keys";
import { sampleRank, sampleStep } from "./sample";

/** The largest sum of a block's lane, and more. */
const UNSEEN: i32 = 0x7fff;

/** Bytes for the estimates of a block. */
const SEEN: usize = 128;

/** What a query keeps while its blocks are scanned; in scratch memory, its keys behind it. */
@unmanaged
class Best {
  keys: usize;
  end: usize;
  full: usize;
  /** What a code must be below: of an estimate, or of a sum. */
  limit: f32;
  most: i32;
  /** More than `keep` have been found. */
  over: i32;
}

/**
 * The items `begin` to `end`: their least keys. `scratch` (16-byte aligned) holds 256 bytes and
 * twice `roomFor(keep)` keys.
 */
export function scanNibbles(begin: i32, end: i32, scratch: usize, job: ScanJob): i32 {
  const room = <usize>roomFor(job.keep) << 3;
  const a = changetype<Best>(scratch);
  const b = changetype<Best>(scratch + 64);
  const seen = scratch + 128;
  const keys = seen + SEEN;
  for (let i = begin; i < end; ++i) {
    const item = changetype<ScanItem>(job.items + <usize>i * offsetof<ScanItem>());
    const step = sampleStep(job, item);
    start(a, keys, room);
    start(b, keys + room, room);
    if (step > 1) {
      scan(job, item, a, b, seen, step);
      expect(job, item, a, step);
      expect(job, item, b, step);
    }
    scan(job, item, a, b, seen, 1);
    // A sample that was nearer than the rest: once more, without its limits.
    if (lacks(job, a) || (item.queries == 2 && lacks(job, b))) {
      start(a, keys, room);
      start(b, keys + room, room);
      scan(job, item, a, b, seen, 1);
    }
    finish(job, a, i * job.group);
    if (item.queries == 2) finish(job, b, i * job.group + 1);
  }
  return 0;
}

function scan(job: ScanJob, item: ScanItem, a: Best, b: Best, seen: usize, step: i32): void {
  if (item.queries == 2) scanTwo(job, item, a, b, seen, step);
  else scanOne(job, item, a, seen, step);
}

function start(best: Best, keys: usize, room: usize): void {
  best.keys = keys;
  best.end = keys;
  // Room for what one block adds.
  best.full = keys + room - (<usize>LANES << 3);
  best.limit = Infinity;
  best.most = UNSEEN;
  best.over = 1;
}

/** Sets the limits of a query by a sample of its codes, such that some more than it keeps are below them. */
function expect(job: ScanJob, item: ScanItem, best: Best, step: i32): void {
  const count = <i32>((best.end - best.keys) >> 3);
  const rank = sampleRank(job, step);
  const keys = best.keys;
  start(best, keys, best.full - keys + (<usize>LANES << 3));
  if (count < rank) return;
  choose(keys, count, rank);
  setLimit(job, best, <u32>(largest(keys, rank) >> 32));
  best.over = 0;
}

/** Whether a query has found fewer than it keeps, for its limits were too low. */
function lacks(job: ScanJob, best: Best): bool {
  return best.over == 0 && <i32>((best.end - best.keys) >> 3) < job.keep;
}

function setLimit(job: ScanJob, best: Best, order: u32): void {
  if (job.factors == 0) best.most = <i32>order;
  else best.limit = valueOf(order);
}

function finish(job: ScanJob, best: Best, slot: i32): void {
  shorten(job, best);
  const bytes = best.end - best.keys;
  memory.copy(job.keys + (<usize>(slot * job.keep) << 3), best.keys, bytes);
  store<i32>(job.counts + (<usize>slot << 2), <i32>(bytes >> 3));
}

/** Keeps the least keys alone, and lowers the limits to the largest of them. */
function shorten(job: ScanJob, best: Best): void {
  const count = <i32>((best.end - best.keys) >> 3);
  const keep = job.keep;
  if (count < keep) return;
  choose(best.keys, count, keep);
  best.end = best.keys + (<usize>keep << 3);
  best.over = 1;
  setLimit(job, best, <u32>(largest(best.keys, keep) >> 32));
}

function scanOne(job: ScanJob, item: ScanItem, best: Best, seen: usize, step: i32): void {
  const nibble = i8x16.splat(15);
  const zero = i8x16.splat(0);
  const fours = job.fours;
  const constants = job.constants + (<usize>item.query << 4);
  for (let j = 0; j < item.count; j += step) {
    const entry = item.entries + <usize>j * ENTRY;
    const number = load<u32>(entry);
    const mask = load<u32>(job.masks + (<usize>number << 2));
    if (mask == 0) continue;
    let c = job.blocks + <usize>number * job.blockBytes;
    const factors = c + job.factors;
    let t = item.tables;
    let even0 = zero, odd0 = zero, even1 = zero, odd1 = zero;
    for (let f = fours; f > 0; --f) {
      let first = v128.load(c), second = v128.load(c, 32);
      let r = looked(
        t, v128.and(first, nibble), v128.and(i16x8.shr_u(first, 4), nibble),
        v128.and(second, nibble), v128.and(i16x8.shr_u(second, 4), nibble),
      );
      even0 = i16x8.add(even0, r);
      odd0 = i16x8.add(odd0, i16x8.shr_u(r, 8));
      first = v128.load(c, 16), second = v128.load(c, 48);
      r = looked(
        t, v128.and(first, nibble), v128.and(i16x8.shr_u(first, 4), nibble),
        v128.and(second, nibble), v128.and(i16x8.shr_u(second, 4), nibble),
      );
      even1 = i16x8.add(even1, r);
      odd1 = i16x8.add(odd1, i16x8.shr_u(r, 8));
      c += 64;
      t += 64;
    }
    const place = <u64>(item.first + j) << 5;
    take(job, best, even0, odd0, even1, odd1, factors, load<f32>(entry, 4), constants, mask, place, seen);
  }
}

function scanTwo(
  job: ScanJob,
  item: ScanItem,
  a: Best,
  b: Best,
  seen: usize,
  step: i32,
): void {
  const nibble = i8x16.splat(15);
  const zero = i8x16.splat(0);
  const fours = job.fours;
  const next = item.tableBytes;
  const constants = job.constants + (<usize>item.query << 4);
  for (let j = 0; j < item.count; j += step) {
    const entry = item.entries + <usize>j * ENTRY;
    const number = load<u32>(entry);
    const block = job.blocks + <usize>number * job.blockBytes;
    const mask = load<u32>(job.masks + (<usize>number << 2));
    if (mask == 0) continue;
    const place = <u64>(item.first + j) << 5;
    let even0 = zero, odd0 = zero, even1 = zero, odd1 = zero;
    let even2 = zero, odd2 = zero, even3 = zero, odd3 = zero;
    let t = item.tables;
    let u = item.tables + next;
    let c = block;
    for (let f = fours; f > 0; --f) {
      let first = v128.load(c), second = v128.load(c, 32);
      let low0 = v128.and(first, nibble), high0 = v128.and(i16x8.shr_u(first, 4), nibble);
      let low1 = v128.and(second, nibble), high1 = v128.and(i16x8.shr_u(second, 4), nibble);
      let r = looked(t, low0, high0, low1, high1);
      even0 = i16x8.add(even0, r);
      odd0 = i16x8.add(odd0, i16x8.shr_u(r, 8));
      r = looked(u, low0, high0, low1, high1);
      even2 = i16x8.add(even2, r);
      odd2 = i16x8.add(odd2, i16x8.shr_u(r, 8));
      first = v128.load(c, 16), second = v128.load(c, 48);
      low0 = v128.and(first, nibble), high0 = v128.and(i16x8.shr_u(first, 4), nibble);
      low1 = v128.and(second, nibble), high1 = v128.and(i16x8.shr_u(second, 4), nibble);
      r = looked(t, low0, high0, low1, high1);
      even1 = i16x8.add(even1, r);
      odd1 = i16x8.add(odd1, i16x8.shr_u(r, 8));
      r = looked(u, low0, high0, low1, high1);
      even3 = i16x8.add(even3, r);
      odd3 = i16x8.add(odd3, i16x8.shr_u(r, 8));
      c += 64;
      t += 64;
      u += 64;
    }
    const factors = block + job.factors;
    const shift = load<f32>(entry, 4);
    take(job, a, even0, odd0, even1, odd1, factors, shift, constants, mask, place, seen);
    take(job, b, even2, odd2, even3, odd3, factors, shift, constants + 16, mask, place, seen);
  }
}

/** What four parts add for 16 codes. */
// @ts-ignore: decorator
@inline
function looked(t: usize, low0: v128, high0: v128, low1: v128, high1: v128): v128 {
  return i8x16.add(
    i8x16.add(lookUp(v128.load(t), low0), lookUp(v128.load(t, 16), high0)),
    i8x16.add(lookUp(v128.load(t, 32), low1), lookUp(v128.load(t, 48), high1)),
  );
}

/** Entries of a table of 16 bytes. All indices are below 16, where both instructions agree. */
// @ts-ignore: decorator
@inline
function lookUp(table: v128, indices: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, indices);
  return i8x16.swizzle(table, indices);
}

/** Takes the codes of a block that are near enough into a query's list. */
// @ts-ignore: decorator
@inline
function take(
  job: ScanJob,
  best: Best,
  even0: v128,
  odd0: v128,
  even1: v128,
  odd1: v128,
  factors: usize,
  shift: f32,
  constants: usize,
  mask: u32,
  place: u64,
  seen: usize,
): void {
  // Less what the odd bytes added to the even ones' words.
  const e0 = i16x8.sub(even0, i16x8.shl(odd0, 8));
  const e1 = i16x8.sub(even1, i16x8.shl(odd1, 8));
  const a = v128.shuffle<i16>(e0, odd0, 0, 8, 1, 9, 2, 10, 3, 11);
  const b = v128.shuffle<i16>(e0, odd0, 4, 12, 5, 13, 6, 14, 7, 15);
  const c = v128.shuffle<i16>(e1, odd1, 0, 8, 1, 9, 2, 10, 3, 11);
  const d = v128.shuffle<i16>(e1, odd1, 4, 12, 5, 13, 6, 14, 7, 15);
  if (job.factors == 0) takeSums(job, best, a, b, c, d, mask, place, seen);
  else takeEstimates(job, best, a, b, c, d, factors, shift, constants, mask, place, seen);
}

/** Sums of 32 codes that may be found, if one is near enough. */
// @ts-ignore: decorator
@inline
function takeSums(
  job: ScanJob,
  best: Best,
  a: v128,
  b: v128,
  c: v128,
  d: v128,
  mask: u32,
  place: u64,
  seen: usize,
): void {
  const most = i16x8.splat(<i16>best.most);
  const least = i16x8.min_s(i16x8.min_s(a, b), i16x8.min_s(c, d));
  if (!v128.any_true(i16x8.lt_s(least, most))) return;
  v128.store(seen, a);
  v128.store(seen, b, 16);
  v128.store(seen, c, 32);
  v128.store(seen, d, 48);
  const low = i8x16.narrow_i16x8_s(i16x8.lt_s(a, most), i16x8.lt_s(b, most));
  const high = i8x16.narrow_i16x8_s(i16x8.lt_s(c, most), i16x8.lt_s(d, most));
  const bits = i8x16.bitmask(low) | (i8x16.bitmask(high) << 16);
  let to = best.end;
  for (let hits = <u32>bits & mask; hits != 0; hits &= hits - 1) {
    const lane = ctz(hits);
    store<u64>(to, (<u64>load<u16>(seen + (<usize>lane << 1)) << 32) | place | lane);
    to += 8;
  }
  best.end = to;
  if (to > best.full) shorten(job, best);
}

/** Estimates of 32 codes likewise. */
// @ts-ignore: decorator
@inline
function takeEstimates(
  job: ScanJob,
  best: Best,
  a: v128,
  b: v128,
  c: v128,
  d: v128,
  factors: usize,
  shift: f32,
  constants: usize,
  mask: u32,
  place: u64,
  seen: usize,
): void {
  const start = v128.load32_splat(constants);
  const step = v128.load32_splat(constants, 4);
  const shifts = f32x4.splat(shift);
  const v0 = estimate(i32x4.extend_low_i16x8_u(a), factors, start, step, shifts);
  const v1 = estimate(i32x4.extend_high_i16x8_u(a), factors + 16, start, step, shifts);
  const v2 = estimate(i32x4.extend_low_i16x8_u(b), factors + 32, start, step, shifts);
  const v3 = estimate(i32x4.extend_high_i16x8_u(b), factors + 48, start, step, shifts);
  const v4 = estimate(i32x4.extend_low_i16x8_u(c), factors + 64, start, step, shifts);
  const v5 = estimate(i32x4.extend_high_i16x8_u(c), factors + 80, start, step, shifts);
  const v6 = estimate(i32x4.extend_low_i16x8_u(d), factors + 96, start, step, shifts);
  const v7 = estimate(i32x4.extend_high_i16x8_u(d), factors + 112, start, step, shifts);
  const low = f32x4.pmin(f32x4.pmin(v0, v1), f32x4.pmin(v2, v3));
  const high = f32x4.pmin(f32x4.pmin(v4, v5), f32x4.pmin(v6, v7));
  const limit = f32x4.splat(best.limit);
  if (!v128.any_true(f32x4.lt(f32x4.pmin(low, high), limit))) return;
  v128.store(seen, v0);
  v128.store(seen, v1, 16);
  v128.store(seen, v2, 32);
  v128.store(seen, v3, 48);
  v128.store(seen, v4, 64);
  v128.store(seen, v5, 80);
  v128.store(seen, v6, 96);
  v128.store(seen, v7, 112);
  takeSeen(job, best, mask, place, seen);
}

function takeSeen(job: ScanJob, best: Best, mask: u32, place: u64, seen: usize): void {
  const limit = f32x4.splat(best.limit);
  let bits: u32 = 0;
  for (let at: usize = 0; at < SEEN; at += 16) {
    bits |= <u32>i32x4.bitmask(f32x4.lt(v128.load(seen + at), limit)) << <u32>(at >> 2);
  }
  let to = best.end;
  for (let hits = bits & mask; hits != 0; hits &= hits - 1) {
    const lane = ctz(hits);
    const order = orderOf(load<f32>(seen + (<usize>lane << 2)));
    store<u64>(to, (<u64>order << 32) | place | lane);
    to += 8;
  }
  best.end = to;
  if (to > best.full) shorten(job, best);
}

/** What the sums of four codes make of their factors. */
// @ts-ignore: decorator
@inline
function estimate(sums: v128, factors: usize, start: v128, step: v128, shifts: v128): v128 {
  const table = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(sums), step), start);
  const added = f32x4.add(v128.load(factors), shifts);
  return f32x4.add(added, f32x4.mul(v128.load(factors, 128), table));
}
