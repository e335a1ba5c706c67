/**
 * The codes of some independent bits in the order of their surprise `-log p`, for the entropies of
 * `codeEntropy.ts`. A table of n = 2^bits codes holds, one after the other: surprises (f64 [n],
 * rising), probabilities (f64 [n]), sums over the first codes of the probabilities and of the
 * probabilities times surprises (f64 [n + 1] each), and the codes (i32 [n]), whose highest bit is
 * the first.
 */

/** Beyond this a bit is certain in float64 too; its products with 0 must stay numbers. */
const MOST_LOGIT: f64 = 700;

/** Bytes of a table of n codes. */
export function tableBytes(n: i32): usize {
  return <usize>(36 * n + 16);
}

export function probabilities(table: usize, n: i32): usize {
  return table + (<usize>n << 3);
}

/** Sums of the probabilities of the first 0, 1, ..., n codes. */
export function masses(table: usize, n: i32): usize {
  return table + (<usize>n << 4);
}

/** Sums of the probabilities times surprises of the first 0, 1, ..., n codes. */
export function moments(table: usize, n: i32): usize {
  return table + <usize>(24 * n + 8);
}

export function codes(table: usize, n: i32): usize {
  return table + <usize>(32 * n + 16);
}

/** Writes the table of bits that are 1 with probability `sigmoid(logits)` (f32 [bits]; none NaN). */
export function fillTable(table: usize, logits: usize, bits: i32): void {
  const n = 1 << bits;
  const p = probabilities(table, n);
  const code = codes(table, n);
  let least: f64 = 0; // surprise of the likeliest code
  let most: f64 = 1; // its probability
  let likeliest = 0;
  store<f64>(table, 0);
  store<f64>(p, 1);
  store<i32>(code, 0);
  for (let b = 0; b < bits; ++b) {
    const logit = <f64>load<f32>(logits + (<usize>b << 2));
    const size = min(abs(logit), MOST_LOGIT);
    const ratio = Math.exp(-size);
    least += Math.log1p(ratio);
    most /= 1 + ratio;
    const bit = 1 << (bits - 1 - b);
    if (logit > 0) likeliest |= bit;
    mergeFlipped(table, p, code, 1 << b, size, ratio, bit);
  }
  let mass: f64 = 0;
  let moment: f64 = 0;
  const massTo = masses(table, n);
  const momentTo = moments(table, n);
  for (let r = 0; r < n; ++r) {
    const at = <usize>r << 3;
    const surprise = load<f64>(table + at) + least;
    const chance = load<f64>(p + at) * most;
    store<f64>(table + at, surprise);
    store<f64>(p + at, chance);
    const place = code + (<usize>r << 2);
    store<i32>(place, load<i32>(place) ^ likeliest);
    store<f64>(massTo + at, mass);
    store<f64>(momentTo + at, moment);
    mass += chance;
    moment += chance * surprise;
  }
  store<f64>(massTo + (<usize>n << 3), mass);
  store<f64>(momentTo + (<usize>n << 3), moment);
}

/**
 * Merges `count` ordered codes with the same ones with one more bit flipped, which are less likely by
 * `ratio`. From the end, in place: the flipped codes run out first, and the rest is where it belongs.
 */
function mergeFlipped(
  s: usize,
  p: usize,
  code: usize,
  count: i32,
  size: f64,
  ratio: f64,
  bit: i32,
): void {
  let flipped = count - 1;
  let kept = count - 1;
  for (let to = 2 * count - 1; flipped >= 0; --to) {
    const from = <usize>flipped << 3;
    const other = <usize>kept << 3;
    const surprise = load<f64>(s + from) + size;
    const otherSurprise = load<f64>(s + other);
    const takes = surprise >= otherSurprise;
    store<f64>(s + (<usize>to << 3), takes ? surprise : otherSurprise);
    const chance = load<f64>(p + from) * ratio;
    store<f64>(p + (<usize>to << 3), takes ? chance : load<f64>(p + other));
    const own = load<i32>(code + (from >> 1)) ^ bit;
    store<i32>(code + (<usize>to << 2), takes ? own : load<i32>(code + (other >> 1)));
    flipped -= <i32>takes;
    kept -= <i32>!takes;
  }
}

/**
 * Writes to `to` (f32 [bits]) the gradient by the logits from the one by the log-probability of every
 * code, `by` (f64 [2^bits], which is overwritten): `share * sum by[i] * (bit of i - sigmoid(logit))`.
 */
export function throughBits(by: usize, logits: usize, bits: i32, share: f64, to: usize): void {
  let half = 1 << bits;
  for (let b = 0; b < bits; ++b) {
    half >>= 1;
    let ones: f64 = 0;
    for (let i = 0; i < half; ++i) {
      const low = by + (<usize>i << 3);
      const high = load<f64>(low + (<usize>half << 3));
      ones += high;
      store<f64>(low, load<f64>(low) + high);
    }
    store<f32>(to + (<usize>b << 2), <f32>(share * ones));
  }
  const total = share * load<f64>(by);
  for (let b = 0; b < bits; ++b) {
    const at = to + (<usize>b << 2);
    const one = 1 / (1 + Math.exp(-(<f64>load<f32>(logits + (<usize>b << 2)))));
    store<f32>(at, <f32>(<f64>load<f32>(at) - one * total));
  }
}
