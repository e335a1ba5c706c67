import { type numpy as np, tree } from "@jax-js/jax";
import { createRdoEncoder, type RdoEncoder, type VqPrior } from "vector-quantize/codes";
import { UsageFailure } from "../failure.ts";
import type { Codec } from "./modelFile.ts";
import { vqCodes } from "./vqCodes.ts";

/**
 * The encoder that chooses codes for their bits too, made of the first codebooks that it is given: those of
 * the model, `[K, features]` each. Takes ownership.
 */
export type CodeChooser = (codebooks: np.Array[], features: number) => Promise<RdoEncoder>;

/**
 * How `--rdo` chooses the codes of a model; undefined without it. Throws one line if the quantizer
 * leaves no choice.
 */
export async function codeChooser(
  model: Codec,
  lambda: number | undefined,
  prior?: VqPrior,
): Promise<CodeChooser | undefined> {
  if (lambda === undefined) return undefined;
  const { quantizer } = model.model;
  if (!quantizer.comparison) {
    throw new UsageFailure(
      "--rdo: expected a quantizer whose codes are the nearest of a table: vectorQuantize of one head, simVQ, residualVQ, " +
        `residualSimVQ, and fsq and lfq of one codebook and up to 65536 codes; got ${quantizer.config.type} with its options`,
    );
  }
  const { layers } = await vqCodes(model);
  let made: Promise<RdoEncoder> | undefined;
  return async (codebooks, features) => {
    if (made) {
      tree.dispose(codebooks);
      return made;
    }
    const tables = Promise.all(codebooks.map((book) => book.data() as Promise<Float32Array>));
    made = tables.then((codebooks) =>
      createRdoEncoder({ layers, codebooks, dim: features, lambda, ...(prior && { prior }) }),
    );
    return made;
  };
}
