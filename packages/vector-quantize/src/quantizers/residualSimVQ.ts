import { tree } from "@jax-js/jax";
import { type Complete, optionTable, part } from "../options/table.ts";
import { unguarded } from "./guard.ts";
import { checkDropout, dropoutOf } from "./residual/dropout.ts";
import { ResidualOptions } from "./residual/options.ts";
import { type ResidualQuantizer, residualOf } from "./residual.ts";
import { SimVQOptions } from "./simVQ/options.ts";
import { simVQ } from "./simVQ.ts";

/** Options of `residualSimVQ`: its own, and those of its layers. */
export interface ResidualSimVQOptions extends SimVQOptions, ResidualOptions {}

export const residualSimVQTable = optionTable<
  ResidualSimVQOptions,
  Complete<ResidualSimVQOptions, "codebookTransform">
>(
  "residualSimVQ",
  [SimVQOptions, ResidualOptions],
  [(options, where) => checkDropout(where, options, options.numQuantizers)],
);

/**
 * Residual quantization with `simVQ` layers.
 *
 * ```ts
 * const quantizer = residualSimVQ({ dim: 64, numQuantizers: 4, codebookSize: 1024 });
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: as for `simVQ` and `residualVQ`. The reference's class is `ResidualSimVQ`.
 */
export function residualSimVQ(given: ResidualSimVQOptions): ResidualQuantizer {
  const { options, config } = residualSimVQTable.read(given);
  const { dim, layout, numQuantizers } = options;
  const { dropout } = dropoutOf(options);
  const layer = simVQ({ ...part(SimVQOptions, options), layout: "channelLast" });
  return residualOf({
    config,
    dim,
    layers: Array.from({ length: numQuantizers }, () => layer as never),
    layout,
    takesTargets: true,
    trainsApart: !dropout,
    codebooks: ({ params, state }) =>
      params.layers.map((own, at) =>
        unguarded(layer).codebook(tree.ref({ params: own, state: state.layers[at] }) as never),
      ),
    ...dropoutOf(options),
  });
}
