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

/** Brings the `keep` least of `count` keys to the front; the largest of them is the last of these. */
export function choose(keys: usize, count: i32, keep: i32): void {
  if (count <= keep) return;
  const target = keys + (<usize>(keep - 1) << 3);
  let low = keys;
  let high = keys + (<usize>(count - 1) << 3);
  while (low < high) {
    const pivot = middle(low, high);
    let i = low;
    let j = high;
    while (i <= j) {
      while (load<u64>(i) < pivot) i += 8;
      while (load<u64>(j) > pivot) j -= 8;
      if (i <= j) {
        const key = load<u64>(i);
        store<u64>(i, load<u64>(j));
        store<u64>(j, key);
        i += 8;
        j -= 8;
      }
    }
    if (target <= j) high = j;
    else if (target >= i) low = i;
    else return;
  }
}

/** The median of the first, the middle and the last key. */
// @ts-ignore: decorator
@inline
function middle(low: usize, high: usize): u64 {
  const a = load<u64>(low);
  const b = load<u64>(low + (((high - low) >> 4) << 3));
  const c = load<u64>(high);
  return max(min(a, b), min(max(a, b), c));
}

/** Sorts keys, the least first: by Shell's method with Ciura's gaps. */
export function sortKeys(keys: usize, count: i32): void {
  for (let gap = firstGap(count); gap > 0; gap = nextGap(gap)) {
    for (let i = gap; i < count; ++i) {
      const key = load<u64>(keys + (<usize>i << 3));
      let j = i;
      for (; j >= gap; j -= gap) {
        const other = load<u64>(keys + (<usize>(j - gap) << 3));
        if (other <= key) break;
        store<u64>(keys + (<usize>j << 3), other);
      }
      store<u64>(keys + (<usize>j << 3), key);
    }
  }
}

function firstGap(count: i32): i32 {
  let gap = 701;
  while (gap > 1 && gap >= count) gap = nextGap(gap);
  return gap;
}

function nextGap(gap: i32): i32 {
  if (gap > 301) return 301;
  if (gap > 132) return 132;
  if (gap > 57) return 57;
  if (gap > 23) return 23;
  if (gap > 10) return 10;
  if (gap > 4) return 4;
  return gap > 1 ? 1 : 0;
}
