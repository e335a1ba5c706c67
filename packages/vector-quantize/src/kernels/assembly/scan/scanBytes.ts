/** Codes of a byte a part, by sums of integers below 32,767: for one query, or for 16 at once. */
import { BATCH, ENTRY, LANES, ScanItem, ScanJob } from "./job";
import { choose, largest, roomFor } from "./keys";

/** Blocks whose sums are made before they are looked at. */
const PANEL: i32 = 8;
/** Bytes of the sums of a panel for a batch: i16 [256, 16]. */
const SUMS: usize = 8192;
/** Bytes of what 16 queries keep beside their keys: where these end, and how near a code must be. */
const STATE: usize = 96;
/** Above every sum. */
const UNSEEN: i32 = 0x7fff;

/**
 * The items `begin` to `end`: their least keys. `scratch` (16-byte aligned) holds 8,288 bytes and
 * `group` times `roomFor(keep)` keys.
 */
export function scanBytes(begin: i32, end: i32, scratch: usize, job: ScanJob): i32 {
  const room = <usize>roomFor(job.keep) << 3;
  const keys = scratch + STATE + SUMS;
  for (let i = begin; i < end; ++i) {
    const item = changetype<ScanItem>(job.items + <usize>i * offsetof<ScanItem>());
    for (let q = 0; q < BATCH; ++q) {
      store<u32>(scratch + (<usize>q << 2), 0);
      store<i16>(scratch + 64 + (<usize>q << 1), q < item.queries ? <i16>UNSEEN : -1);
    }
    if (item.queries == 1) scanOne(job, item, scratch, keys);
    else scanBatch(job, item, scratch, keys, room);
    for (let q = 0; q < item.queries; ++q) {
      const list = keys + <usize>q * room;
      const slot = i * job.group + q;
      const count = shorten(job, scratch, q, list);
      memory.copy(job.keys + (<usize>(slot * job.keep) << 3), list, <usize>count << 3);
      store<i32>(job.counts + (<usize>slot << 2), count);
    }
  }
  return 0;
}

/** Keeps the least keys of query `q` alone; returns how many there are. */
function shorten(job: ScanJob, state: usize, q: i32, list: usize): i32 {
  const at = state + (<usize>q << 2);
  const count = load<i32>(at);
  const keep = job.keep;
  if (count < keep) return count;
  choose(list, count, keep);
  store<i32>(at, keep);
  const order = <i32>(largest(list, keep) >> 32);
  store<i16>(state + 64 + (<usize>q << 1), <i16>order);
  return keep;
}

function push(job: ScanJob, state: usize, q: i32, list: usize, sum: i32, place: u64): void {
  const at = state + (<usize>q << 2);
  const count = load<i32>(at);
  store<u64>(list + (<usize>count << 3), (<u64>sum << 32) | place);
  store<i32>(at, count + 1);
  if (count + 1 == roomFor(job.keep)) shorten(job, state, q, list);
}

/** Four codes at a time: each takes as many looks into tables as it has parts. */
function scanOne(job: ScanJob, item: ScanItem, state: usize, keys: usize): void {
  const bytes = <usize>job.fours << 2;
  const tables = item.tables;
  for (let j = 0; j < item.count; ++j) {
    const number = load<u32>(item.entries + <usize>j * ENTRY);
    const mask = load<u32>(job.masks + (<usize>number << 2));
    if (mask == 0) continue;
    const place = <u64>(item.first + j) << 5;
    let row = job.blocks + <usize>number * job.blockBytes;
    for (let lane = 0; lane < LANES; lane += 4) {
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      let t = tables;
      const end = row + bytes;
      for (let c = row; c < end; c += 4) {
        s0 += fourOf(t, load<u32>(c));
        s1 += fourOf(t, load<u32>(c + bytes));
        s2 += fourOf(t, load<u32>(c + 2 * bytes));
        s3 += fourOf(t, load<u32>(c + 3 * bytes));
        t += 2048;
      }
      row = end + 3 * bytes;
      const most = <i32>load<i16>(state, 64);
      let hits =
        <u32>(<i32>(s0 < most) | (<i32>(s1 < most) << 1) | (<i32>(s2 < most) << 2) | (<i32>(s3 < most) << 3));
      hits &= mask >> lane;
      if (hits == 0) continue;
      const to = place | lane;
      if (hits & 1) push(job, state, 0, keys, s0, to);
      if (hits & 2) push(job, state, 0, keys, s1, to | 1);
      if (hits & 4) push(job, state, 0, keys, s2, to | 2);
      if (hits & 8) push(job, state, 0, keys, s3, to | 3);
    }
  }
}

/** What four parts add: u16 [4, 256] from `t` on. */
// @ts-ignore: decorator
@inline
function fourOf(t: usize, codes: u32): i32 {
  const a = <i32>load<u16>(t + ((codes & 255) << 1));
  const b = <i32>load<u16>(t + (((codes >> 8) & 255) << 1), 512);
  const c = <i32>load<u16>(t + (((codes >> 16) & 255) << 1), 1024);
  const d = <i32>load<u16>(t + ((codes >> 24) << 1), 1536);
  return a + b + c + d;
}

/** Tables u16 [parts, 256, 16]: one look gives what a part adds for all queries. */
function scanBatch(job: ScanJob, item: ScanItem, state: usize, keys: usize, room: usize): void {
  const sums = state + STATE;
  for (let j = 0; j < item.count; j += PANEL) {
    const blocks = min(PANEL, item.count - j);
    memory.fill(sums, 0, SUMS);
    let tables = item.tables;
    for (let f = 0; f < job.fours; ++f) {
      let to = sums;
      for (let b = 0; b < blocks; ++b) {
        const number = load<u32>(item.entries + <usize>(j + b) * ENTRY);
        const block = job.blocks + <usize>number * job.blockBytes;
        addFour(block + (<usize>f << 2), <usize>job.fours << 2, tables, to);
        to += <usize>LANES << 5;
      }
      tables += 32768;
    }
    for (let b = 0; b < blocks; ++b) {
      const number = load<u32>(item.entries + <usize>(j + b) * ENTRY);
      const mask = load<u32>(job.masks + (<usize>number << 2));
      const place = <u64>(item.first + j + b) << 5;
      takeBlock(job, sums + (<usize>(b * LANES) << 5), mask, place, state, keys, room);
    }
  }
}

/** Four parts of a block's codes, `step` bytes apart, onto its sums. */
function addFour(codes: usize, step: usize, tables: usize, sums: usize): void {
  const end = sums + (<usize>LANES << 5);
  for (; sums < end; sums += 32) {
    const code = load<u32>(codes);
    const t0 = tables + ((code & 255) << 5);
    const t1 = tables + (((code >> 8) & 255) << 5);
    const t2 = tables + (((code >> 16) & 255) << 5);
    const t3 = tables + ((code >> 24) << 5);
    const a = i16x8.add(
      i16x8.add(v128.load(t0), v128.load(t1, 8192)),
      i16x8.add(v128.load(t2, 16384), v128.load(t3, 24576)),
    );
    const b = i16x8.add(
      i16x8.add(v128.load(t0, 16), v128.load(t1, 8208)),
      i16x8.add(v128.load(t2, 16400), v128.load(t3, 24592)),
    );
    v128.store(sums, i16x8.add(v128.load(sums), a));
    v128.store(sums, i16x8.add(v128.load(sums, 16), b), 16);
    codes += step;
  }
}

function takeBlock(
  job: ScanJob,
  sums: usize,
  mask: u32,
  place: u64,
  state: usize,
  keys: usize,
  room: usize,
): void {
  for (let lane = 0; lane < LANES; ++lane, sums += 32) {
    const near0 = i16x8.lt_s(v128.load(sums), v128.load(state, 64));
    const near1 = i16x8.lt_s(v128.load(sums, 16), v128.load(state, 80));
    if (!v128.any_true(v128.or(near0, near1))) continue;
    if (((mask >> lane) & 1) == 0) continue;
    let hits = i16x8.bitmask(near0) | (i16x8.bitmask(near1) << 8);
    for (; hits != 0; hits &= hits - 1) {
      const q = ctz(hits);
      const sum = <i32>load<u16>(sums + (<usize>q << 1));
      push(job, state, q, keys + <usize>q * room, sum, place | lane);
    }
  }
}
