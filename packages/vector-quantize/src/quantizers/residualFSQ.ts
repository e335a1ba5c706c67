import { mixedRadix } from "../codebook/mixedRadix.ts";
import { VectorQuantizeError } from "../errors.ts";
import { residualEncoderOf } from "./lookupFree/residualEncoder.ts";
import { checkDropout, dropoutOf } from "./residual/dropout.ts";
import { numberOfLayers } from "./residual/options.ts";
import { type ResidualQuantizer, residualOf } from "./residual.ts";
import { boundedLayers, type ResidualFSQOptions } from "./residualFSQ/options.ts";

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
  const where = "residualFSQ";
  const Q = numberOfLayers(where, given);
  checkDropout(where, given, Q);
  const { enter, bound, rounding, scale, make } = boundedLayers(given);
  const { levels, dim = levels.length, layout = "channelLast", noiseDropout = 0 } = given;
  const dropout = dropoutOf(given);
  const layer = make();
  if (layer.codebookSizes.length > 1) {
    const most = "at most 2^31 codes a layer";
    throw new VectorQuantizeError(`${where}: expected ${most}, got levels [${levels.join(", ")}]`);
  }
  const scales = Array.from({ length: Q }, (_, at) => scale(at));
  const radix = mixedRadix(`${where}: levels`, levels, "first");
  const encoder =
    rounding && residualEncoderOf({ radix, scales, ...rounding, ...(bound && { bound }) });
  return residualOf({
    config: { type: where, ...given },
    dim,
    innerDim: levels.length,
    layers: Array.from({ length: Q }, () => layer),
    shared: false,
    layout,
    maskedOutput: "zeros",
    enter,
    scales,
    ...(encoder && { encoder }),
    gradientFraction: 0,
    checkKey: (at, key, { training }) => {
      if (training && noiseDropout > 0 && !key) {
        throw new VectorQuantizeError(
          `${at}: expected options.key, got none; noiseDropout draws at random`,
        );
      }
    },
    ...(dropout && { dropout }),
  });
}
