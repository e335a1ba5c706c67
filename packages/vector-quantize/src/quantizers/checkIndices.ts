import type { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { Quantizer } from "./contract.ts";

/**
 * Throws unless every index is one of the quantizer's codes, or -1 for none.
 *
 * `codes` and `decode` can't look at values, since they work inside traces; a code that does not
 * exist comes out of them as NaN. Whoever takes indices from a file or a model checks them first.
 *
 * @param indices as `decode` takes them; ownership is taken
 * @throws VectorQuantizeError that names row, layer and value
 */
export async function checkIndices(quantizer: Quantizer, indices: np.Array): Promise<void> {
  const { codebookSizes, groups = 1 } = quantizer as Quantizer & { groups?: number };
  const where = `${quantizer.config.type}: indices`;
  const columns = codebookSizes.length === 1 ? 1 : (indices.shape.at(-1) ?? 1);
  const rows = indices.size / columns / groups;
  const perGroup = codebookSizes.length / groups;
  const values = await indices.data();
  for (const [at, value] of values.entries()) {
    const column = at % columns;
    const row = Math.floor(at / columns) % rows;
    const group = Math.floor(at / (columns * rows));
    const size = codebookSizes[group * perGroup + column] as number;
    if (value >= -1 && value < size) continue;
    const place = [
      ...(groups > 1 ? [`group ${group}`] : []),
      ...(codebookSizes.length > 1 ? [`layer ${column}`] : []),
      `row ${row}`,
    ];
    throw expected(`${where}: ${place.join(", ")}`, `0 to ${size - 1}, or -1 for none`, value);
  }
}
