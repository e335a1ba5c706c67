/**
 * Probabilities and their logits, in integers alone: no `Math.exp`, whose last bit differs from engine
 * to engine, so that every machine writes the same bytes.
 *
 * A probability is a whole number out of 65536; a logit is `256 * ln(p / (1 - p))`, cut to +-2047.
 */

/** `65536 / (1 + exp(-x / 2))` for x from -16 to 16: part of the format. */
const knots = [
  22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768,
  40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476,
  65500, 65514,
];

/** Largest logit, and the one below which none goes. */
export const mostLogit = 2047;

/** The probability of a logit: `squash[logit + 2048]`. Between knots it runs straight. */
export const squash = Uint16Array.from({ length: 4096 }, (_, i) => {
  const knot = i >> 7;
  const part = i & 127;
  return (knots[knot]! * (128 - part) + knots[knot + 1]! * part + 64) >> 7;
});

/** The logit of a probability: `stretch[p >> 4]`, the smallest whose probability is not below it. */
export const stretch = inverse();

/** Costs of chances, made when they are first asked for. */
let costs: Int32Array | undefined;

/**
 * What something of that chance takes, in 65536ths of a bit: `-65536 log2(chance / 65536)`, rounded down.
 *
 * @param chance out of 65536, at least 1
 */
export function bitsOf(chance: number): number {
  costs ??= Int32Array.from({ length: 65537 }, (_, p) => (p === 0 ? 0 : 2 ** 20 - logOf(p)));
  return costs[chance]!;
}

/** `65536 log2(number)` by squares alone, which round alike on every engine. */
function logOf(number: number): number {
  let mantissa = number;
  let log = 0;
  for (; mantissa >= 2; mantissa /= 2) log++;
  for (let bit = 0; bit < 16; bit++) {
    mantissa *= mantissa;
    log *= 2;
    if (mantissa < 2) continue;
    mantissa /= 2;
    log++;
  }
  return log;
}

function inverse(): Int16Array {
  const table = new Int16Array(4096);
  let logit = -mostLogit;
  for (let p = 0; p < 4096; p++) {
    while (logit < mostLogit && squash[logit + 2048]! < p * 16 + 8) logit++;
    table[p] = logit;
  }
  return table;
}
