/**
 * Keys: u64 of a distance, in an order of integers, above a place. The least are chosen; a place is
 * there once, so no two are equal and the choice is the same in whatever order they come.
 */

/** Keys that a list of the `keep` least has room for. */
export function roomFor(keep: i32): i32 {
  return max(256, 2 * keep);
}

/** The bits of a float in the order of unsigned integers. `value` is not -0. */
// @ts-ignore: decorator
@inline
export function orderOf(value: f32): u32 {
  const bits = reinterpret<i32>(value);
  return <u32>(bits ^ ((bits >> 31) | 0x80000000));
}

/** The float of such bits. */
// @ts-ignore: decorator
@inline
export function valueOf(order: u32): f32 {
  const bits = <i32>order;
  return reinterpret<f32>(bits ^ (~(bits >> 31) | 0x80000000));
}

/** Brings the `keep` least of `count` keys to the front, in any order. */
export function choose(keys: usize, count: i32, keep: i32): void {
  if (count <= keep) return;
  const target = keys + (<usize>keep << 3);
  let low = keys;
  let high = keys + (<usize>count << 3);
  while (low < target && target < high) {
    const pivot = middle(low, high);
    const below = part(low, high, pivot);
    if (target <= below) {
      high = below;
      continue;
    }
    low = part(below, high, pivot + 1);
    if (target <= low) return;
  }
}

/** The largest of the first `count` keys. */
export function largest(keys: usize, count: i32): u64 {
  let most: u64 = 0;
  const end = keys + (<usize>count << 3);
  for (; keys < end; keys += 8) most = max(most, load<u64>(keys));
  return most;
}

/** Brings the keys below `limit` to the front and tells where they end; without branches that data decide. */
function part(low: usize, high: usize, limit: u64): usize {
  for (let at = low; at < high; at += 8) {
    const key = load<u64>(at);
    store<u64>(at, load<u64>(low));
    store<u64>(low, key);
    low += <usize>(key < limit) << 3;
  }
  return low;
}

/** The median of the first, the middle and the last key. */
// @ts-ignore: decorator
@inline
function middle(low: usize, high: usize): u64 {
  const a = load<u64>(low);
  const b = load<u64>(low + (((high - low) >> 4) << 3));
  const c = load<u64>(high - 8);
  return max(min(a, b), min(max(a, b), c));
}

/** Few enough keys to be put in order one by one. */
const FEW: usize = 16 * 8;

/** Sorts keys, the least first. */
export function sortKeys(low: usize, count: i32): void {
  let high = low + (<usize>count << 3);
  while (high - low > FEW) {
    const pivot = middle(low, high);
    const below = part(low, high, pivot);
    const above = part(below, high, pivot + 1);
    // The shorter side first, so that calls go no deeper than the logarithm.
    if (below - low < high - above) {
      sortKeys(low, <i32>((below - low) >> 3));
      low = above;
    } else {
      sortKeys(above, <i32>((high - above) >> 3));
      high = below;
    }
  }
  for (let at = low + 8; at < high; at += 8) {
    const key = load<u64>(at);
    let to = at;
    for (; to > low && load<u64>(to - 8) > key; to -= 8) store<u64>(to, load<u64>(to - 8));
    store<u64>(to, key);
  }
}
