/** Asks for the `known` name that is near enough to `name` to be meant: a slip or two of the fingers. */
export function didYouMean(name: string, known: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(name.length / 3));
  let best: string | undefined;
  let fewest = most + 1;
  for (const candidate of known) {
    const slips = editDistance(name.slice(0, 64).toLowerCase(), candidate.toLowerCase(), fewest);
    if (slips < fewest) [best, fewest] = [candidate, slips];
  }
  return best && `Did you mean ${best}?`;
}

/**
 * Letters to insert, delete, replace or swap with their neighbour to make `b` of `a`; no more than
 * `limit` are counted.
 *
 * Source: Damerau, "A Technique for Computer Detection and Correction of Spelling Errors", 1964,
 * https://doi.org/10.1145/363958.363994, in the form that swaps no letter twice.
 */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        (above[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (above[j - 1] as number) + (same ? 0 : 1),
        swapped ? (before[j - 2] as number) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, above] = [above, row];
  }
  return Math.min(above[b.length] as number, limit);
}
