import { checkKnownOptions, expected } from "../errors.ts";
import { checkLayout, type Layout } from "../layout/layout.ts";
import type { Quantizer } from "./contract.ts";
import {
  checkDropout,
  dropoutOf,
  dropoutOptions,
  type QuantizeDropoutOptions,
} from "./residual/dropout.ts";
import { type ResidualQuantizer, residualOf } from "./residual.ts";

/** Options of `residualQuantizer`. */
export interface ResidualQuantizerOptions extends QuantizeDropoutOptions {
  /**
   * Any quantizers of one feature size that give one index per vector, laid out `channelLast`; they
   * need not be of one kind.
   */
  layers: readonly Quantizer[];
  /** Where the features are in the input. Default "channelLast". */
  layout?: Layout;
}

/**
 * A residual quantizer of any layers: `q_i = layer_i(r_i)`, `r_(i+1) = r_i - q_i`, `r_1 = x`; the
 * output is the sum of all `q_i`. `residualVQ`, `residualFSQ` and the like are made the same way.
 *
 * ```ts
 * const quantizer = residualQuantizer({
 *   layers: [vectorQuantize({ dim: 4, codebookSize: 1024 }), fsq({ levels: [5, 5, 5, 5] })],
 * });
 * const codes = await quantizer.encode(variables, x); // [..., 2]
 * ```
 *
 * @throws VectorQuantizeError if the layers do not fit together
 *
 * Source: Zeghidour et al., "SoundStream", 2021, section III-C, https://arxiv.org/abs/2107.03312
 */
export function residualQuantizer(given: ResidualQuantizerOptions): ResidualQuantizer {
  const { layers, layout = "channelLast" } = given;
  checkKnownOptions("residualQuantizer", given, ["layers", "layout", ...dropoutOptions]);
  checkLayout("residualQuantizer", layout);
  const [first] = layers;
  if (!first) throw expected("residualQuantizer: layers", "at least one", layers.length);
  for (const [at, { dim, codebookSizes, config }] of layers.entries()) {
    const where = `residualQuantizer: layers[${at}]`;
    if (dim !== first.dim) throw expected(`${where}: dim`, `${first.dim}, as the first`, dim);
    if (codebookSizes.length !== 1) {
      throw expected(`${where}: indices per vector`, "1", codebookSizes.length);
    }
    if ((config.layout ?? "channelLast") !== "channelLast") {
      throw expected(`${where}: layout`, "channelLast", config.layout);
    }
  }
  checkDropout("residualQuantizer", given, layers.length);
  const dropout = dropoutOf(given);
  return residualOf({
    config: { ...given, type: "residualQuantizer", layers: layers.map(({ config }) => config) },
    dim: first.dim,
    innerDim: first.dim,
    layers,
    shared: false,
    layout,
    maskedOutput: "zeros",
    gradientFraction: 0,
    trainsApart: !dropout && layers.every((layer) => layer.trainsApart),
    ...(dropout && { dropout }),
  });
}
