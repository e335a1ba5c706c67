import type { numpy as np } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import { owns, release } from "../tree.ts";
import type { MaskOptions, Quantizer } from "./contract.ts";
import { checkCallOf } from "./guard.ts";

/**
 * The same indices, once they are known to be codes of the quantizer.
 *
 * `codes` and `decode` can't look at values, since they work inside traces; a code that does not
 * exist comes out of them as NaN. Whoever takes indices from a file or a model checks them first:
 *
 * ```ts
 * const checked = await checkIndices(quantizer, indices, { lengths: lengths.ref });
 * const output = quantizer.decode(variables, checked, { lengths });
 * ```
 *
 * Where the mask says that a vector is not real, anything may stand. Elsewhere -1 is an error, but
 * in a residual quantizer, where it means that a layer adds nothing.
 *
 * @param indices as `decode` takes them; ownership is taken, of the masks too
 * @throws VectorQuantizeError that names row, layer and value
 */
export async function checkIndices(
  quantizer: Quantizer,
  indices: np.Array,
  masks: MaskOptions = {},
): Promise<np.Array> {
  if (typeof quantizer !== "object" || quantizer === null || !("codebookSizes" in quantizer)) {
    release([indices, masks]);
    throw expected("checkIndices", "a quantizer, then indices", quantizer);
  }
  checkCallOf(quantizer, "checkIndices", [indices, masks]);
  using _ = owns(indices, masks);
  const { groups = 1 } = quantizer as Layered;
  const where = `${quantizer.config.type}: indices`;
  const isReal = await realityOf(where, masks, indices.shape.slice(groups > 1 ? 1 : 0));
  const perGroup = indices.size / groups;
  const values = await indices.ref.data();
  checkIndexValues(where, quantizer, values, indices.shape, (at) => isReal(at % perGroup));
  return indices.ref;
}

/**
 * Throws unless `values`, indices of `shape`, are codes of the quantizer where `isReal` says that there
 * is a vector; -1 is one where layers may rest.
 */
export function checkIndexValues(
  where: string,
  quantizer: Pick<Quantizer, "codebookSizes">,
  values: ArrayLike<number>,
  shape: readonly number[],
  isReal: (at: number) => boolean,
): void {
  const { codebookSizes, groups = 1, layersMayRest = false } = quantizer as Layered;
  const columns = codebookSizes.length === 1 ? 1 : (shape.at(-1) ?? 1);
  const rows = values.length / columns / groups;
  const perGroup = codebookSizes.length / groups;
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    const column = at % columns;
    const group = Math.floor(at / (columns * rows));
    const size = codebookSizes[group * perGroup + column] as number;
    if (value >= (layersMayRest ? -1 : 0) && value < size) continue;
    if (!isReal(at)) continue;
    const place = [
      ...(groups > 1 ? [`group ${group}`] : []),
      ...(codebookSizes.length > 1 ? [`layer ${column}`] : []),
      `row ${Math.floor(at / columns) % rows}`,
    ];
    const range = `0 to ${size - 1}${layersMayRest ? ", or -1 for none" : ""}`;
    const mend = "It stands for a vector that is not real: give the mask or lengths that say so";
    throw expected(`${where}: ${place.join(", ")}`, range, value, value === -1 ? mend : undefined);
  }
}

/** What quantizers of several layers or groups say beside the contract. */
interface Layered extends Quantizer {
  /** Parts of the features that are quantized apart; indices have an axis for them, before all. */
  readonly groups?: number;
  /** Whether -1 means that a layer adds nothing. */
  readonly layersMayRest?: boolean;
}

/** Whether the entry at a flat place in an array `[B, ...]` belongs to a real vector. */
async function realityOf(
  where: string,
  { mask, lengths }: MaskOptions,
  [B = 1, N = 1, ...inner]: number[],
): Promise<(at: number) => boolean> {
  if (mask && lengths)
    throw new VectorQuantizeError(`${where}: expected mask or lengths, got both`);
  const entries = B * N * inner.reduce((product, size) => product * size, 1);
  if (mask) {
    const perPosition = entries / mask.size;
    if (!Number.isInteger(perPosition)) {
      throw expected(
        `${where}: mask`,
        `one entry for each vector of ${[B, N, ...inner]}`,
        mask.shape,
      );
    }
    const real = await mask.ref.data();
    return (at) => Boolean(real[Math.floor(at / perPosition)]);
  }
  if (lengths) {
    if (lengths.size !== B) throw expected(`${where}: shape of lengths`, `[${B}]`, lengths.shape);
    const counts = await lengths.ref.data();
    for (const [at, count] of counts.entries()) {
      if (count < 0 || count > N) throw expected(`${where}: lengths[${at}]`, `0 to ${N}`, count);
    }
    const perPosition = entries / B / N;
    return (at) => Math.floor(at / perPosition) % N < (counts[Math.floor(at / (entries / B))] ?? 0);
  }
  return () => true;
}
