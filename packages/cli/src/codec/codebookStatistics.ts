/** What a codebook looks like. */
export interface CodebookStatistics {
  readonly codes: number;
  readonly codeDim: number;
  /** Length of the code vectors. */
  readonly norm: { readonly min: number; readonly mean: number; readonly max: number };
  /** Distance from a code to the nearest other one; of at most `sampled` codes. */
  readonly spacing: { readonly min: number; readonly mean: number };
}

/** Codes whose nearest neighbour is looked for: all against all would take long for large books. */
const sampled = 1024;

/** Statistics of a codebook, `codes` vectors of `codeDim` floats one after another. */
export function codebookStatistics(codebook: Float32Array, codeDim: number): CodebookStatistics {
  const codes = codebook.length / codeDim;
  const norms = Array.from({ length: codes }, (_, k) =>
    Math.hypot(...codebook.subarray(k * codeDim, (k + 1) * codeDim)),
  );
  const stride = Math.max(1, Math.floor(codes / sampled));
  const distances: number[] = [];
  for (let k = 0; k < codes; k += stride) distances.push(nearestDistance(codebook, codeDim, k));
  const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const least = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b));
  return {
    codes,
    codeDim,
    norm: { min: least(norms), mean: mean(norms), max: -least(norms.map((norm) => -norm)) },
    spacing: { min: least(distances), mean: mean(distances) },
  };
}

function nearestDistance(codebook: Float32Array, codeDim: number, k: number): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (let other = 0; other < codebook.length; other += codeDim) {
    if (other === k * codeDim) continue;
    let square = 0;
    for (let i = 0; i < codeDim; i++) {
      square += ((codebook[other + i] as number) - (codebook[k * codeDim + i] as number)) ** 2;
    }
    if (square < nearest) nearest = square;
  }
  return Math.sqrt(nearest);
}
