import { jit, numpy as np } from "@jax-js/jax";
import { mixedRadix } from "../codebook/mixedRadix.ts";
import { checkHolds, expected } from "../errors.ts";
import { floatOf, keyOf } from "../kernels/levels/floatKeys.ts";
import { absent, declared, integer, positive } from "../options/kinds.ts";
import { type Complete, optionTable, part } from "../options/table.ts";
import type { Quantizer } from "./contract.ts";
import { BinaryOptions } from "./lfq/options.ts";
import { lfq } from "./lfq.ts";
import { residualEncoderOf } from "./lookupFree/residualEncoder.ts";
import { checkDropout, dropoutOf } from "./residual/dropout.ts";
import { ResidualOptions } from "./residual/options.ts";
import { type ResidualQuantizer, residualOf } from "./residual.ts";

const mostLayers = 126; // beyond, the scale of a layer is none of float32

/** Options of `residualLFQ` that its layers do not have. */
class ResidualLFQOwnOptions extends ResidualOptions {
  /** Feature size of the input; linear maps lead in and out if it is not `log2(codebookSize)`. */
  dim: number = integer();
  /** Codes of every layer, a power of 2 up to 2^31. */
  codebookSize: number = declared(checkCodebookSize);
  /** Number of layers, `Q`; at most 126. */
  override numQuantizers: number = integer(undefined, 1, mostLayers);
  /** Clamps the first layer's latents softly, half as far in each layer after; at least 1. Default none. */
  softClampInputValue?: number = positive(absent);
}

/** Options of `residualLFQ`: its own, and those of its layers. */
export interface ResidualLFQOptions extends BinaryOptions, ResidualLFQOwnOptions {}

const asItIs = "the layers need it as it is";

export const residualLFQTable = optionTable<
  ResidualLFQOptions,
  Complete<ResidualLFQOptions, "softClampInputValue">
>(
  "residualLFQ",
  [ResidualLFQOwnOptions, BinaryOptions],
  [
    (options, where) => checkDropout(where, options, options.numQuantizers),
    ({ dim, codebookSize }, where) =>
      checkHolds(where, "linear maps", dim, Math.log2(codebookSize)),
  ],
  {
    numCodebooks: asItIs,
    keepNumCodebooksDim: asItIs,
    hasProjections: asItIs,
    projectionHasBias: asItIs,
    cosineSimProjectIn: asItIs,
    codebookScale: asItIs,
  },
);

function checkCodebookSize(where: string, codebookSize: unknown): void {
  const bits = typeof codebookSize === "number" ? Math.log2(codebookSize) : Number.NaN;
  if (!Number.isInteger(bits) || bits < 1 || bits > 31) {
    throw expected(where, "a power of 2 from 2 to 2^31", codebookSize);
  }
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
  const { options, config } = residualLFQTable.read(given);
  const { dim, codebookSize, layout, softClampInputValue: clamp, numQuantizers } = options;
  const bits = Math.log2(codebookSize);
  const layers = Array.from({ length: numQuantizers }, (_, layer) =>
    lfq({
      ...part(BinaryOptions, options),
      codebookSize,
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
          radix: mixedRadix(Array(bits).fill(2), "last"),
          scales: layers.map((_, layer) => Array(bits).fill(2 ** -layer)),
          thresholds: async () => new Float32Array(bits).fill(await leastPositive(clamp)),
          code: (level) => level.astype(np.float32).mul(2).sub(1),
        });
  const { fracPerSampleEntropy: share, entropyLossWeight: weight } = options;
  return residualOf({
    config,
    dim,
    innerDim: bits,
    layers: layers as unknown as Quantizer[],
    layout,
    ...(encoder && { encoder }),
    draws: ({ training }) => training && share < 1 && weight > 0 && "fracPerSampleEntropy",
    ...dropoutOf(options),
  });
}

/** The smallest float32 whose bit is 1: by bisection on the device itself where there is a clamp. */
async function leastPositive(clamp: number | undefined): Promise<number> {
  if (clamp === undefined) return floatOf(1);
  const clamped = jit((x: np.Array) => np.tanh(x.div(clamp)).mul(clamp));
  let [below, above] = [0, keyOf(clamp)];
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2);
    const [value] = await clamped(np.array([floatOf(middle)])).data();
    if ((value as number) > 0) above = middle;
    else below = middle;
  }
  clamped.dispose();
  return floatOf(above);
}
