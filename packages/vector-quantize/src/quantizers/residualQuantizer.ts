import { expected } from "../errors.ts";
import { type Layout, layouts } from "../layout/layout.ts";
import { choice, declared, list } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { checkQuantizer } from "./checkQuantizer.ts";
import type { Quantizer } from "./contract.ts";
import { checkDropout, dropoutOf, QuantizeDropoutOptions } from "./residual/dropout.ts";
import { type ResidualQuantizer, residualOf } from "./residual.ts";

/** Options of `residualQuantizer`. */
export class ResidualQuantizerOptions extends QuantizeDropoutOptions {
  /**
   * Any quantizers of one feature size that give one index per vector, laid out `channelLast`; they
   * need not be of one kind.
   */
  layers: readonly Quantizer[] = declared(checkList);
  /** Where the features are in the input. Default `channelLast`. */
  layout?: Layout = choice(layouts, "channelLast");
}

export const residualQuantizerTable = optionTable<ResidualQuantizerOptions>(
  "residualQuantizer",
  [ResidualQuantizerOptions],
  [checkLayers, (options, where) => checkDropout(where, options, options.layers.length)],
);

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
  const { options, config } = residualQuantizerTable.read(given);
  const { layers, layout } = options;
  const { dim } = layers[0] as Quantizer;
  const { dropout } = dropoutOf(options);
  return residualOf({
    config,
    dim,
    layers,
    layout,
    trainsApart: !dropout && layers.every((layer) => layer.trainsApart),
    ...dropoutOf(options),
  });
}

function checkList(where: string, value: unknown): void {
  if (Array.isArray(value) && value.length === 0) throw expected(where, "at least one", 0);
  list("a list of quantizers", checkQuantizer)(where, value);
}

/** Throws unless the layers fit together. */
function checkLayers({ layers }: Required<ResidualQuantizerOptions>, name: string): undefined {
  const [first] = layers as [Quantizer];
  for (const [at, { dim, codebookSizes, config }] of layers.entries()) {
    const where = `${name}: layers[${at}]`;
    if (dim !== first.dim) throw expected(`${where}: dim`, `${first.dim}, as the first`, dim);
    if (codebookSizes.length !== 1) {
      throw expected(`${where}: indices per vector`, "1", codebookSizes.length);
    }
    if ((config.layout ?? "channelLast") !== "channelLast") {
      throw expected(`${where}: layout`, "channelLast", config.layout);
    }
  }
}
