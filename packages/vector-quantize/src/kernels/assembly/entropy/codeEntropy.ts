/**
 * Entropies of binary codes with a floor under the probabilities in their logarithms, and their
 * gradients. The bits are independent, so a code's probability is a product of two, one from each
 * half of the bits. With both halves in order of surprise, the codes above the floor are a staircase:
 * for every code of one half, a prefix of the other's. Sums over prefixes give the rest, so a vector
 * costs 2^(d/2) steps, not 2^d.
 *
 * Tables of many vectors lie in panels of 8 codes, f32 [panels, rows, 8], filled up with zeros.
 */
import {
  codes,
  fillTable,
  masses,
  moments,
  probabilities,
  tableBytes,
  throughBits,
} from "./halfTable";

// @ts-ignore: decorator
@inline
function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
}

function panelsOf(bits: i32): i32 {
  return max(1 << bits, 8) >> 3;
}

/**
 * Vectors `begin` to `end` of `rows`, whose `high` + `low` logits (f32) start `stride` bytes apart:
 * `values` (f64 [rows]) gets `sum over codes of p * min(-log p, most)`, `by` (f32, `stride`) the
 * gradient of `shares[n]` (f32) times that; `first` and `second` get the tables of the halves, the
 * first times the share. `scratch` holds 80 * 2^max(high, low) + 32 bytes. A vector with a NaN gets
 * NaN throughout. Returns 0.
 */
export function surprises(
  begin: i32,
  end: i32,
  scratch: usize,
  rows: i32,
  logits: usize,
  stride: i32,
  high: i32,
  low: i32,
  most: f64,
  shares: usize,
  values: usize,
  by: usize,
  first: usize,
  second: usize,
): i32 {
  const n1 = 1 << high;
  const n2 = 1 << low;
  const table1 = scratch + (<usize>max(n1, n2) << 3);
  const table2 = table1 + tableBytes(n1);
  for (let n = begin; n < end; ++n) {
    const l = logits + <usize>n * stride;
    const to = by + <usize>n * stride;
    const share = load<f32>(shares + (<usize>n << 2));
    let nan = false;
    for (let b = 0; b < high + low; ++b) {
      const logit = load<f32>(l + (<usize>b << 2));
      nan = nan || logit != logit;
    }
    if (nan) {
      store<f64>(values + (<usize>n << 3), NaN);
      for (let b = 0; b < high + low; ++b) store<f32>(to + (<usize>b << 2), <f32>NaN);
      toPanels(first, rows, n, high, 0, <f32>NaN);
      toPanels(second, rows, n, low, 0, 0);
      continue;
    }
    fillTable(table1, l, high);
    fillTable(table2, l + (<usize>high << 2), low);
    const value = staircase(table1, n1, table2, n2, most, scratch);
    store<f64>(values + (<usize>n << 3), value);
    throughBits(scratch, l, high, <f64>share, to);
    staircase(table2, n2, table1, n1, most, scratch);
    throughBits(scratch, l + (<usize>high << 2), low, <f64>share, to + (<usize>high << 2));
    toPanels(first, rows, n, high, table1, share);
    toPanels(second, rows, n, low, table2, 1);
  }
  return 0;
}

/**
 * `sum of p_i q_j min(s_i + t_j, most)` over the codes i of a table and j of another; `by` (f64 [n])
 * gets for every code i the sum of `p_i q_j (s_i + t_j - 1)`, or of `p_i q_j most` above it: the
 * gradient by `log p_i`.
 */
function staircase(table: usize, n: i32, other: usize, size: i32, most: f64, by: usize): f64 {
  const p = probabilities(table, n);
  const code = codes(table, n);
  const mass = masses(other, size);
  const moment = moments(other, size);
  const whole = load<f64>(mass + (<usize>size << 3));
  let value: f64 = 0;
  let step = other + (<usize>size << 3); // behind the last code that stays within `most`
  for (let r = 0; r < n; ++r) {
    const surprise = load<f64>(table + (<usize>r << 3));
    while (step > other && surprise + load<f64>(step - 8) > most) step -= 8;
    const at = step - other;
    const within = load<f64>(mass + at);
    const sum = surprise * within + load<f64>(moment + at) + most * (whole - within);
    const chance = load<f64>(p + (<usize>r << 3));
    value += chance * sum;
    const place = <usize>load<i32>(code + (<usize>r << 2));
    store<f64>(by + (place << 3), chance * (sum - within));
  }
  return value;
}

/** Row `n` of the panels from a table, times `scale`; just `scale` where there is no table. */
function toPanels(panels: usize, rows: i32, n: i32, bits: i32, table: usize, scale: f32): void {
  const count = 1 << bits;
  const row = panels + (<usize>n << 5);
  const step = <usize>rows << 5;
  if (count < 8) {
    v128.store(row, f32x4.splat(0));
    v128.store(row, f32x4.splat(0), 16);
  }
  const p = probabilities(table, count);
  const code = codes(table, count);
  for (let r = 0; r < count; ++r) {
    const place = table ? load<i32>(code + (<usize>r << 2)) : r;
    const value = table ? <f32>load<f64>(p + (<usize>r << 3)) * scale : scale;
    store<f32>(row + <usize>(place >> 3) * step + (<usize>(place & 7) << 2), value);
  }
}

/**
 * Fours `begin` to `end` of the first half's codes: adds to `mean` (f32 [2^high, 2^low], both at
 * least 8) the products of the two tables, summed over the `rows` vectors. `scratch` is not used.
 * Returns 0.
 */
export function addProducts(
  begin: i32,
  end: i32,
  scratch: usize,
  rows: i32,
  low: i32,
  first: usize,
  second: usize,
  mean: usize,
): i32 {
  const panels = panelsOf(low);
  const step = <usize>rows << 5;
  // A panel of the second table stays near while all fours go by.
  for (let panel = 0; panel < panels; ++panel) {
    const b = second + <usize>panel * step;
    for (let four = begin; four < end; ++four) {
      const a = first + <usize>(four >> 1) * step + (<usize>(four & 1) << 4);
      const to = mean + (<usize>(4 * four * panels + panel) << 5);
      addTile(a, 32, b, rows, to, <usize>panels << 5);
    }
  }
  return 0;
}

/** Adds to 4 rows of 8 at `to` the sum over `count` of four numbers at `a` times eight at `b`. */
function addTile(a: usize, stride: usize, b: usize, count: i32, to: usize, row: usize): void {
  let a00 = f32x4.splat(0), a01 = a00, a10 = a00, a11 = a00;
  let a20 = a00, a21 = a00, a30 = a00, a31 = a00;
  const end = b + (<usize>count << 5);
  while (b < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let v = v128.load32_splat(a);
    a00 = madd(v, b0, a00);
    a01 = madd(v, b1, a01);
    v = v128.load32_splat(a, 4);
    a10 = madd(v, b0, a10);
    a11 = madd(v, b1, a11);
    v = v128.load32_splat(a, 8);
    a20 = madd(v, b0, a20);
    a21 = madd(v, b1, a21);
    v = v128.load32_splat(a, 12);
    a30 = madd(v, b0, a30);
    a31 = madd(v, b1, a31);
    a += stride;
    b += 32;
  }
  addRow(to, a00, a01);
  addRow(to + row, a10, a11);
  addRow(to + 2 * row, a20, a21);
  addRow(to + 3 * row, a30, a31);
}

function addRow(to: usize, low: v128, high: v128): void {
  v128.store(to, f32x4.add(v128.load(to), low));
  v128.store(to, f32x4.add(v128.load(to, 16), high), 16);
}

/**
 * Vectors `begin` to `end`: `by` (f32, `stride` bytes apart) gets the gradient by the logits of
 * `shares[n]` times a function of the mean distribution. Its gradient by the mean comes as panels over
 * the first half's codes, `byFirst` (f32 [2^high / 8, 2^low, 8]), and over the second's, `bySecond`
 * (f32 [2^low / 8, 2^high, 8]). `scratch` holds 8 + 48 * (fours of vectors) bytes times
 * max(8, 2^max(high, low)). Returns 0.
 */
export function throughMean(
  begin: i32,
  end: i32,
  scratch: usize,
  logits: usize,
  stride: i32,
  high: i32,
  low: i32,
  shares: usize,
  byFirst: usize,
  bySecond: usize,
  by: usize,
): i32 {
  const most = <usize>max(1 << max(high, low), 8);
  const four = most << 4; // bytes of a table of four vectors
  const fours = (end - begin + 3) >> 2;
  const first = scratch + (most << 3);
  const second = first + <usize>fours * four;
  const sums = second + <usize>fours * four;
  const offset = <usize>high << 2;
  for (let f = 0; f < fours; ++f) {
    const n = begin + (f << 2);
    const count = min(4, end - n);
    const l = logits + <usize>n * stride;
    interleave(first + <usize>f * four, l, stride, high, count);
    interleave(second + <usize>f * four, l + offset, stride, low, count);
  }
  for (let half = 0; half < 2; ++half) {
    const bits = half ? low : high;
    const others = half ? 1 << high : 1 << low;
    const own = half ? second : first;
    const table = half ? bySecond : byFirst;
    const other = half ? first : second;
    memory.fill(sums, 0, <usize>fours * four);
    // A panel of the large table stays near while all vectors go by.
    for (let panel = 0; panel < panelsOf(bits); ++panel) {
      const g = table + (<usize>(panel * others) << 5);
      const to = sums + (<usize>panel << 5);
      for (let f = 0; f < fours; ++f) {
        const at = <usize>f * four;
        addTile(other + at, 16, g, others, to + at, most << 2);
      }
    }
    const from = half ? offset : 0;
    for (let n = begin; n < end; ++n) {
      const at = <usize>((n - begin) >> 2) * four;
      const lane = <usize>(n - begin) & 3;
      const p = own + at + (lane << 2);
      const sum = sums + at + lane * (most << 2);
      for (let i = 0; i < 1 << bits; ++i) {
        const chance = load<f32>(p + (<usize>i << 4));
        store<f64>(scratch + (<usize>i << 3), <f64>chance * <f64>load<f32>(sum + (<usize>i << 2)));
      }
      const row = <usize>n * stride + from;
      throughBits(scratch, logits + row, bits, <f64>load<f32>(shares + (<usize>n << 2)), by + row);
    }
  }
  return 0;
}

/** Probabilities of all codes of some bits, in order: f32 [2^bits, 4] for up to four vectors. */
function interleave(to: usize, logits: usize, stride: i32, bits: i32, count: i32): void {
  for (let r = 0; r < 4; ++r) {
    const at = to + (<usize>r << 2);
    store<f32>(at, r < count ? 1 : 0);
    if (r >= count) {
      for (let i = 1; i < 1 << bits; ++i) store<f32>(at + (<usize>i << 4), 0);
      continue;
    }
    for (let b = 0; b < bits; ++b) {
      const logit = <f64>load<f32>(logits + <usize>r * stride + (<usize>b << 2));
      const one = <f32>(1 / (1 + Math.exp(-logit)));
      const none = <f32>(1 / (1 + Math.exp(logit)));
      // From the end, so that what is read is not yet written: the codes of the bits so far.
      for (let i = (1 << b) - 1; i >= 0; --i) {
        const chance = load<f32>(at + (<usize>i << 4));
        store<f32>(at + (<usize>i << 5), chance * none);
        store<f32>(at + (<usize>i << 5), chance * one, 16);
      }
    }
  }
}
