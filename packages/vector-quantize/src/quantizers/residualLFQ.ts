import { numpy as np } from "@jax-js/jax";
import { mixedRadix } from "../codebook/mixedRadix.ts";
import { checkInteger, expected, VectorQuantizeError } from "../errors.ts";
import type { Quantizer } from "./contract.ts";
import { type LfqOptions, savedLfqOptions } from "./lfq/options.ts";
import { lfq } from "./lfq.ts";
import { residualEncoderOf } from "./lookupFree/residualEncoder.ts";
import { checkDropout, dropoutOf } from "./residual/dropout.ts";
import { layerOptionsOf, numberOfLayers, type ResidualOptions } from "./residual/options.ts";
import { type ResidualQuantizer, residualOf } from "./residual.ts";

/** Options of `residualLFQ`: its own, and those of its layers. */
export interface ResidualLFQOptions
  extends Omit<
      LfqOptions,
      | "numCodebooks"
      | "keepNumCodebooksDim"
      | "hasProjections"
      | "projectionHasBias"
      | "cosineSimProjectIn"
      | "codebookScale"
    >,
    ResidualOptions {
  /** Feature size of the input; linear maps lead in and out if it is not `log2(codebookSize)`. */
  dim: number;
  /** Codes of every layer, a power of 2 up to 2^31. */
  codebookSize: number;
  /** Clamps the first layer's latents softly; half as far in each layer after. Default none. */
  softClampInputValue?: number;
}

/**
 * Residual lookup-free quantization: the codes of layer `i = 0, 1, ...` are made of `-2^-i` and
 * `2^-i`.
 *
 * ```ts
 * const quantizer = residualLFQ({ dim: 256, codebookSize: 256, numQuantizers: 4 });
 * const codes = await quantizer.encode(variables, x); // [..., 4]
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: as for `lfq` and `residualVQ`. The reference's class is `ResidualLFQ`.
 */
export function residualLFQ(given: ResidualLFQOptions): ResidualQuantizer {
  const where = "residualLFQ";
  const Q = numberOfLayers(where, given);
  checkDropout(where, given, Q);
  const { dim, codebookSize, layout = "channelLast", softClampInputValue: clamp } = given;
  checkInteger(`${where}: dim`, dim);
  const bits = Math.log2(codebookSize);
  if (!Number.isInteger(bits) || bits < 1 || bits > 31) {
    throw expected(`${where}: codebookSize`, "a power of 2 from 2 to 2^31", codebookSize);
  }
  const options = layerOptionsOf<LfqOptions>(given);
  for (const option of refused) {
    if (option in options) {
      const value = options[option as keyof LfqOptions];
      throw expected(`${where}: option ${option}`, "none; the layers need it as it is", value);
    }
  }
  const layers = Array.from({ length: Q }, (_, layer) =>
    lfq({
      ...options,
      dim: bits,
      layout: "channelLast",
      codebookScale: 2 ** -layer,
      ...(clamp !== undefined && { softClampInputValue: clamp * 2 ** -layer }),
    }),
  );
  const encoder =
    options.orthogonalRotation || options.spherical
      ? undefined
      : residualEncoderOf({
          radix: mixedRadix(`${where}: codebookSize`, Array(bits).fill(2), "last"),
          scales: layers.map((_, layer) => Array(bits).fill(2 ** -layer)),
          level: (values) =>
            (clamp === undefined ? values : np.tanh(values.div(clamp)).mul(clamp))
              .greater(0)
              .astype(np.int32),
          code: (level) => level.astype(np.float32).mul(2).sub(1),
        });
  const { fracPerSampleEntropy: share = 1, entropyLossWeight: weight = 0.1 } = given;
  const dropout = dropoutOf(given);
  return residualOf({
    config: { type: where, ...savedLfqOptions(given) },
    dim,
    innerDim: bits,
    layers: layers as unknown as Quantizer[],
    shared: false,
    layout,
    maskedOutput: "zeros",
    gradientFraction: 0,
    ...(encoder && { encoder }),
    checkKey: (at, key, { training }) => {
      if (training && share < 1 && weight > 0 && !key) {
        throw new VectorQuantizeError(
          `${at}: expected options.key, got none; fracPerSampleEntropy draws at random`,
        );
      }
    },
    ...(dropout && { dropout }),
  });
}

const refused = [
  "numCodebooks",
  "keepNumCodebooksDim",
  "hasProjections",
  "projectionHasBias",
  "cosineSimProjectIn",
  "codebookScale",
];
