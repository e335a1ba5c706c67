/** The answers to queries: the best of what their items kept, by better distances. */
import { ENTRY, LANES } from "./job";
import { choose, orderOf, sortKeys, valueOf } from "./keys";
import { COSINE, DOT } from "./rabitq";

/** How the distances of the answer are made. */
export const BY_VECTORS: i32 = 0;
export const BY_NIBBLES: i32 = 1;
export const BY_BYTES: i32 = 2;
export const AS_THEY_ARE: i32 = 3;

/** What answers are made of, written by the host. */
@unmanaged
export class FinishJob {
  /** See `BY_*`. */
  kind: i32;
  metric: i32;
  /** f32 [Q, dim]: the queries, and by place [dim] the vectors of the codes. */
  dim: i32;
  rows: usize;
  vectors: usize;
  /** f32 [Q, tableFloats]: the tables. */
  tables: usize;
  tableFloats: i32;
  /** As in `ScanJob`. */
  constants: usize;
  blocks: usize;
  blockBytes: i32;
  fours: i32;
  factors: i32;
  /** Where the codes' further bits lie in a block, and how many there are of each number. */
  planes: i32;
  moreBits: i32;
  /** i32 by place: the ids of the codes. */
  ids: usize;
  queries: usize;
  /** As in `ScanJob`. */
  keep: i32;
  group: i32;
  keys: usize;
  counts: usize;
  /** i32 and f32 [Q, k]. */
  k: i32;
  found: usize;
  distances: usize;
}

/** What is left of a query. */
@unmanaged
export class FinishQuery {
  /** The first of its items, how many there are, and its place among their queries. */
  item: i32;
  items: i32;
  slot: i32;
  /** Its entries, as in `ScanItem`. */
  entries: usize;
  /** f32: what is added to its estimates. */
  base: f32;
}

/**
 * Queries `begin` to `end`: the nearest first, of equal ones that of the lower id; -1 and NaN where there are
 * fewer than k. `scratch` holds the keys that the items of a query keep.
 */
export function finish(begin: i32, end: i32, scratch: usize, job: FinishJob): i32 {
  for (let n = begin; n < end; ++n) {
    const query = changetype<FinishQuery>(job.queries + <usize>n * offsetof<FinishQuery>());
    let count = 0;
    for (let i = 0; i < query.items; ++i) {
      const slot = <usize>((query.item + i) * job.group + query.slot);
      const own = load<i32>(job.counts + (slot << 2));
      memory.copy(scratch + (<usize>count << 3), job.keys + (slot * job.keep << 3), <usize>own << 3);
      count += own;
    }
    choose(scratch, count, job.keep);
    count = min(count, job.keep);
    if (job.kind == AS_THEY_ARE) takeAll(job, query, n, scratch, count);
    else if (job.kind == BY_VECTORS) measureAll(job, query, n, scratch, count);
    else estimateAll(job, query, n, scratch, count);
    choose(scratch, count, job.k);
    count = min(count, job.k);
    sortKeys(scratch, count);
    answer(job, n, scratch, count);
  }
  return 0;
}

function answer(job: FinishJob, n: i32, keys: usize, count: i32): void {
  const at = <usize>(n * job.k) << 2;
  for (let i = 0; i < job.k; ++i) {
    const to = at + (<usize>i << 2);
    const key = i < count ? load<u64>(keys + (<usize>i << 3)) : 0;
    const order = <i32>(key >> 32);
    store<i32>(job.found + to, i < count ? <i32>key : -1);
    store<i32>(job.distances + to, order ^ (~(order >> 31) | 0x80000000));
    if (i >= count) store<f32>(job.distances + to, NaN);
  }
}

/** Makes keys of places keys of ids, of the estimates that the scan made. */
function takeAll(job: FinishJob, query: FinishQuery, n: i32, keys: usize, count: i32): void {
  const constants = job.constants + (<usize>n << 4);
  for (let i = 0; i < count; ++i) {
    const at = keys + (<usize>i << 3);
    const order = <u32>(load<u64>(at) >> 32);
    let value = valueOf(order);
    if (job.factors == 0) value = <f32>order * load<f32>(constants, 4) + load<f32>(constants);
    put(job, at, value + query.base, placeOf(query, at));
  }
}

/** Makes keys of places keys of the estimates by float tables, and of ids. */
function estimateAll(job: FinishJob, query: FinishQuery, n: i32, keys: usize, count: i32): void {
  const table = job.tables + (<usize>n * job.tableFloats << 2);
  const sum = load<f32>(job.constants + (<usize>n << 4), 8);
  for (let i = 0; i < count; ++i) {
    const at = keys + (<usize>i << 3);
    const place = <u32>load<u64>(at);
    const lane = <usize>(place & 31);
    const entry = query.entries + <usize>(place >> 5) * ENTRY;
    const number = load<u32>(entry);
    const block = job.blocks + <usize>number * job.blockBytes;
    let value: f32;
    if (job.kind == BY_BYTES) value = bytesOf(table, block + lane * (job.fours << 2), job.fours);
    else if (job.factors == 0) value = nibblesOf(table, job.fours, block + lane, LANES);
    else {
      const factors = block + job.factors + (lane << 2) + (job.moreBits > 0 ? 256 : 0);
      const code = signsOf(job, table, block, lane, sum);
      value = load<f32>(factors) + load<f32>(entry, 4) + load<f32>(factors, 128) * code;
    }
    put(job, at, value + query.base, <usize>number * LANES + lane);
  }
}

/** A key of a distance and an id. */
// @ts-ignore: decorator
@inline
function put(job: FinishJob, at: usize, value: f32, place: usize): void {
  const id = load<u32>(job.ids + (place << 2));
  store<u64>(at, (<u64>orderOf(value + 0) << 32) | id);
}

/** The product of a query and a code of signs, or of levels of several bits. */
function signsOf(job: FinishJob, table: usize, block: usize, lane: usize, sum: f32): f32 {
  let ones = nibblesOf(table, job.fours, block + lane, LANES);
  const bits = job.moreBits;
  const bytes = <usize>job.fours << 1;
  let plane = block + job.planes + lane * bytes * bits;
  for (let bit = 0; bit < bits; ++bit) {
    ones = 2 * ones + nibblesOf(table, job.fours, plane, 1);
    plane += bytes;
  }
  return 2 * ones - <f32>((2 << bits) - 1) * sum;
}

/** The entries of a code whose bytes, of two parts each, lie `step` apart. */
function nibblesOf(table: usize, fours: i32, code: usize, step: usize): f32 {
  let s0: f32 = 0, s1: f32 = 0;
  for (let f = 0; f < fours; ++f, table += 256) {
    const a = <usize>load<u8>(code), b = <usize>load<u8>(code + step);
    s0 += load<f32>(table + ((a & 15) << 2)) + load<f32>(table + ((a >> 4) << 2), 64);
    s1 += load<f32>(table + ((b & 15) << 2), 128) + load<f32>(table + ((b >> 4) << 2), 192);
    code += 2 * step;
  }
  return s0 + s1;
}

/** The same of bytes, each with 256 entries. */
function bytesOf(table: usize, code: usize, fours: i32): f32 {
  let s0: f32 = 0, s1: f32 = 0, s2: f32 = 0, s3: f32 = 0;
  for (let f = 0; f < fours; ++f) {
    s0 += load<f32>(table + (<usize>load<u8>(code) << 2));
    s1 += load<f32>(table + (<usize>load<u8>(code, 1) << 2), 1024);
    s2 += load<f32>(table + (<usize>load<u8>(code, 2) << 2), 2048);
    s3 += load<f32>(table + (<usize>load<u8>(code, 3) << 2), 3072);
    code += 4;
    table += 4096;
  }
  return s0 + s1 + (s2 + s3);
}

/** Makes keys of places keys of distances from the vectors themselves, four of them at a time. */
function measureAll(job: FinishJob, query: FinishQuery, n: i32, keys: usize, count: i32): void {
  const row = job.rows + (<usize>n * job.dim << 2);
  for (let i = 0; i < count; i += 4) {
    const at = keys + (<usize>i << 3);
    const last = keys + (<usize>(count - 1) << 3);
    const a = placeOf(query, at);
    const b = placeOf(query, min(at + 8, last));
    const c = placeOf(query, min(at + 16, last));
    const d = placeOf(query, min(at + 24, last));
    const found = distances(job, row, a, b, c, d);
    put(job, at, f32x4.extract_lane(found, 0), a);
    if (i + 1 < count) put(job, at + 8, f32x4.extract_lane(found, 1), b);
    if (i + 2 < count) put(job, at + 16, f32x4.extract_lane(found, 2), c);
    if (i + 3 < count) put(job, at + 24, f32x4.extract_lane(found, 3), d);
  }
}

/** Where the code of a key lies. */
// @ts-ignore: decorator
@inline
function placeOf(query: FinishQuery, at: usize): usize {
  const place = <u32>load<u64>(at);
  const number = load<u32>(query.entries + <usize>(place >> 5) * ENTRY);
  return <usize>number * LANES + (place & 31);
}

/** How far the vectors at four places are: in four sums each, by number modulo 4. */
function distances(job: FinishJob, row: usize, p: usize, q: usize, r: usize, s: usize): v128 {
  const bytes = <usize>job.dim << 2;
  const v = job.vectors;
  let a = v + p * bytes, b = v + q * bytes, c = v + r * bytes, d = v + s * bytes;
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  const whole = row + (bytes & ~15);
  const product = job.metric != 0;
  for (; row < whole; row += 16) {
    const x = v128.load(row);
    s0 = f32x4.add(s0, termOf(x, v128.load(a), product));
    s1 = f32x4.add(s1, termOf(x, v128.load(b), product));
    s2 = f32x4.add(s2, termOf(x, v128.load(c), product));
    s3 = f32x4.add(s3, termOf(x, v128.load(d), product));
    a += 16, b += 16, c += 16, d += 16;
  }
  const left = <i32>((bytes >> 2) & 3);
  if (left > 0) {
    const x = tail(row, left);
    s0 = f32x4.add(s0, termOf(x, tail(a, left), product));
    s1 = f32x4.add(s1, termOf(x, tail(b, left), product));
    s2 = f32x4.add(s2, termOf(x, tail(c, left), product));
    s3 = f32x4.add(s3, termOf(x, tail(d, left), product));
  }
  const sums = f32x4(total(s0), total(s1), total(s2), total(s3));
  if (job.metric == DOT) return f32x4.neg(sums);
  return job.metric == COSINE ? f32x4.sub(f32x4.splat(1), sums) : sums;
}

// @ts-ignore: decorator
@inline
function termOf(x: v128, y: v128, product: bool): v128 {
  if (product) return f32x4.mul(x, y);
  const gap = f32x4.sub(x, y);
  return f32x4.mul(gap, gap);
}

/** The last one to three numbers of a row, and zeros. */
function tail(at: usize, left: i32): v128 {
  return f32x4(
    load<f32>(at),
    left > 1 ? load<f32>(at, 4) : 0,
    left > 2 ? load<f32>(at, 8) : 0,
    0,
  );
}

// @ts-ignore: decorator
@inline
function total(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) +
    (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}
