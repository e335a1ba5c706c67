/**
 * Entropies of binary codes by their definition, over every code, in float64.
 *
 * @param logits of vectors, `[N][bits]`
 * @param shares of the vectors in the means, which add up to 1
 * @param floor smallest probability in a logarithm
 */
export function entropiesOverCodes(
  logits: readonly (readonly number[])[],
  shares: ArrayLike<number>,
  floor: number,
): { perSample: number; batch: number } {
  const entropy = (p: Float64Array) =>
    p.reduce((sum, one) => (one > 0 ? sum - one * Math.log(Math.max(one, floor)) : sum), 0);
  const mean = new Float64Array(2 ** (logits[0]?.length ?? 0));
  let perSample = 0;
  for (const [n, row] of logits.entries()) {
    const share = shares[n] as number;
    const p = probabilities(row);
    for (let code = 0; code < p.length; code++) mean[code]! += share * p[code]!;
    perSample += share * entropy(p);
  }
  return { perSample, batch: entropy(mean) };
}

/** Slope of one of the entropies by logit `bit` of vector `n`, from differences. */
export function slopeOverCodes(
  which: "perSample" | "batch",
  [n, bit]: readonly [n: number, bit: number],
  ...[logits, shares, floor]: Parameters<typeof entropiesOverCodes>
): number {
  const moved = (by: number) => {
    const copy = logits.map((row) => [...row]);
    copy[n]![bit]! += by;
    return entropiesOverCodes(copy, shares, floor)[which];
  };
  return (moved(1e-4) - moved(-1e-4)) / 2e-4;
}

/** Of every code, the first bit the highest. */
function probabilities(logits: readonly number[]): Float64Array {
  let p = Float64Array.of(1);
  for (const logit of logits) {
    const next = new Float64Array(2 * p.length);
    for (let code = 0; code < p.length; code++) {
      next[2 * code] = p[code]! / (1 + Math.exp(logit));
      next[2 * code + 1] = p[code]! / (1 + Math.exp(-logit));
    }
    p = next;
  }
  return p;
}
