import { mixedRadix } from "../codebook/mixedRadix.ts";
import { residualEncoderOf } from "./lookupFree/residualEncoder.ts";
import { dropoutOf } from "./residual/dropout.ts";
import { type ResidualQuantizer, residualOf } from "./residual.ts";
import { boundedLayers, type ResidualFSQOptions, residualFSQTable } from "./residualFSQ/options.ts";

/**
 * Residual finite scalar quantization: each layer rounds what the layers before left to finer
 * levels. No codebook is learned and there is no loss.
 *
 * `bounds` decides what the layers see, and so what the error per layer is: see `ResidualBounds`,
 * and docs/residual-fsq-bounds.md for measurements.
 *
 * ```ts
 * const quantizer = residualFSQ({ levels: [8, 5, 5, 3], dim: 256, numQuantizers: 4, bounds: "bound" });
 * const codes = await quantizer.encode(variables, x); // [..., 4]
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: as for `fsq` and `residualVQ`. The reference's class is `ResidualFSQ`.
 */
export function residualFSQ(given: ResidualFSQOptions): ResidualQuantizer {
  const { options, config } = residualFSQTable.read(given);
  const { levels, dim, layout, numQuantizers: Q, noiseDropout } = options;
  const { enter, bound, rounding, scale, make } = boundedLayers(options);
  const layer = make();
  const scales = Array.from({ length: Q }, (_, at) => scale(at));
  const radix = mixedRadix(levels, "first");
  const encoder =
    rounding && residualEncoderOf({ radix, scales, ...rounding, ...(bound && { bound }) });
  return residualOf({
    config,
    dim,
    innerDim: levels.length,
    layers: Array.from({ length: Q }, () => layer),
    layout,
    enter,
    scales,
    ...(encoder && { encoder }),
    draws: ({ training }) => training && noiseDropout > 0 && "noiseDropout",
    ...dropoutOf(options),
  });
}
