/** How hypotheses of a beam are ranked; see `residualNearest`. */
export interface BeamScore {
  /** Weight of the squared error after each layer `[Q]`. */
  weights: readonly number[];
  /** 1 adds a layer's weighted error to the sum of those before it, 0 forgets them. */
  carry: 0 | 1;
}

interface Hypothesis {
  indices: number[];
  residual: Float32Array; // [D]
  score: number;
}

/**
 * Reference of `residualNearest`: the codes of every layer for each vector `[N, Q]`. What a layer leaves is
 * float32, as the kernels hold it; distances are float64. Of equal scores the lower hypothesis wins, then the
 * lower index.
 */
export function residualNearestReference(
  vectors: Float32Array,
  codebooks: readonly Float32Array[],
  dim: number,
  beam: number,
  score: BeamScore,
): Int32Array<ArrayBuffer> {
  const rows = vectors.length / dim;
  const out = new Int32Array(rows * codebooks.length); // [N, Q]
  for (let n = 0; n < rows; n++) {
    const residual = vectors.slice(n * dim, (n + 1) * dim);
    let kept: Hypothesis[] = [{ indices: [], residual, score: 0 }];
    for (const [q, codebook] of codebooks.entries()) {
      const width = q === codebooks.length - 1 ? 1 : beam;
      kept = extend(kept, codebook, dim, width, score.weights[q]!, score.carry);
    }
    out.set(kept[0]!.indices, n * codebooks.length);
  }
  return out;
}

/** The `width` best of all hypotheses followed by any code, best first. */
function extend(
  kept: readonly Hypothesis[],
  codebook: Float32Array,
  dim: number,
  width: number,
  weight: number,
  carry: 0 | 1,
): Hypothesis[] {
  const codes = codebook.length / dim;
  const best: { from: Hypothesis; index: number; score: number }[] = [];
  for (const from of kept) {
    for (let k = 0; k < codes; k++) {
      let error = 0;
      for (let d = 0; d < dim; d++) error += (from.residual[d]! - codebook[k * dim + d]!) ** 2;
      const score = carry * from.score + weight * error;
      if (best.length === width && !(score < best[width - 1]!.score)) continue;
      let place = best.length;
      while (place > 0 && score < best[place - 1]!.score) place--;
      best.splice(place, 0, { from, index: k, score });
      if (best.length > width) best.pop();
    }
  }
  return best.map(({ from, index, score }) => ({
    indices: [...from.indices, index],
    residual: from.residual.map((value, d) => value - codebook[index * dim + d]!),
    score,
  }));
}
