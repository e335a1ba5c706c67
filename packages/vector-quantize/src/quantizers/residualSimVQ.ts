import { tree } from "@jax-js/jax";
import { unguarded } from "./guard.ts";
import { checkDropout, dropoutOf } from "./residual/dropout.ts";
import { layerOptionsOf, numberOfLayers, type ResidualOptions } from "./residual/options.ts";
import { type ResidualQuantizer, residualOf } from "./residual.ts";
import type { SimVQOptions } from "./simVQ/options.ts";
import { simVQ } from "./simVQ.ts";
import { savedOptions } from "./vectorQuantize/options.ts";

/** Options of `residualSimVQ`: its own, and those of its layers. */
export type ResidualSimVQOptions = SimVQOptions & ResidualOptions;

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
  const where = "residualSimVQ";
  const Q = numberOfLayers(where, given);
  checkDropout(where, given, Q);
  const dropout = dropoutOf(given);
  const options = layerOptionsOf<SimVQOptions>(given);
  const layer = simVQ({ ...options, layout: "channelLast" });
  return residualOf({
    config: { type: where, ...savedOptions(given as never) },
    dim: given.dim,
    innerDim: given.dim,
    layers: Array.from({ length: Q }, () => layer as never),
    shared: false,
    layout: given.layout ?? "channelLast",
    maskedOutput: "zeros",
    gradientFraction: 0,
    takesTargets: true,
    trainsApart: !dropout,
    codebooks: ({ params, state }) =>
      params.layers.map((own, at) =>
        unguarded(layer).codebook(tree.ref({ params: own, state: state.layers[at] }) as never),
      ),
    ...(dropout && { dropout }),
  });
}
