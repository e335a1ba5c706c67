import { lax, numpy as np, random } from "@jax-js/jax";
import { mixedRadix } from "../codebook/mixedRadix.ts";
import { straightThrough } from "../gradients/straightThrough.ts";
import { applyLinear, initLinearMaps } from "../layout/linear.ts";
import { initRotation, type Rotation, rotate, rotateBack } from "../layout/rotation.ts";
import { noiseDropout } from "./fsq/noise.ts";
import { type FsqOptions, fsqTable, widthOf } from "./fsq/options.ts";
import { centredRule, symmetricRule } from "./fsq/rounding.ts";
import type { LookupFreeParams } from "./lookupFree/family.ts";
import { type LookupFreeQuantizer, lookupFree } from "./lookupFree.ts";

/** State of `fsq` and `lfq`: a fixed rotation, where the option asks for one. */
export type RotationState = Rotation & { [name: string]: np.Array };

/** A `fsq` quantizer. Nothing of it is learned but the linear maps, where it has them. */
export type FiniteScalarQuantizer = LookupFreeQuantizer<LookupFreeParams, RotationState>;

/**
 * Finite scalar quantization: every dimension is bounded and rounded to one of a few levels.
 *
 * The index is `sum of level[d] * (levels[0] ... levels[d - 1])`, the first dimension the fastest,
 * in integers. Up to 2^31 codes it is one int32; a larger codebook has several along a last axis
 * (see `joinWords`). No codebook is ever made; `codes(variables, arange(K))` gives it to whoever
 * wants it. There is no auxiliary loss; gradients pass the rounding straight through, and the bound
 * (tanh) by its slope.
 *
 * A vector with NaN or infinity gets index -1 and comes out as NaN.
 *
 * ```ts
 * const quantizer = fsq({ levels: [8, 5, 5, 5] }); // 1000 codes of 4 features
 * const { quantized, indices } = quantizer.apply(quantizer.init(random.key(0)), x);
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: Mentzer et al., "Finite Scalar Quantization: VQ-VAE Made Simple", 2023,
 * https://arxiv.org/abs/2309.15505. The reference's class is `FSQ`.
 */
export function fsq(given: FsqOptions): FiniteScalarQuantizer {
  const { options, config } = fsqTable.read(given);
  const { levels, dim, numCodebooks, projectionHasBias } = options;
  const rule = (options.preserveSymmetry ? symmetricRule : centredRule)(
    levels,
    options.boundHardClamp,
  );
  const d = levels.length;
  const width = widthOf(options);

  return lookupFree<LookupFreeParams, RotationState>({
    name: "fsq",
    config,
    dim,
    layout: options.layout,
    codebooks: numCodebooks,
    keepCodebooks: options.keepNumCodebooksDim,
    radix: mixedRadix(levels, "first"),
    losses: [],
    ...(rule.thresholds && { thresholds: rule.thresholds }),
    latentsAreVectors: dim === width && !options.orthogonalRotation,
    ...(options.noiseDropout > 0 && { draws: "noiseDropout" }),

    init(key) {
      const [inKey, outKey, rotationKey] = [...random.split(key, 3)] as [
        np.Array,
        np.Array,
        np.Array,
      ];
      return {
        params: initLinearMaps([inKey, outKey], dim, width, projectionHasBias),
        state: initRotation(rotationKey, d, options.orthogonalRotation),
      };
    },

    latents({ params, state }, vectors) {
      const mapped = applyLinear(vectors, params.projectIn); // [N, codebooks * d]
      return rotate(mapped.reshape([-1, numCodebooks, d]), state);
    },

    levels: (_, latents) => rule.level(latents),

    codes: ({ state }, level) => rotateBack(rule.code(level), state),

    values: ({ state }, latents) => rotateBack(rule.bound(latents), state),

    levelsOfCodes: ({ state }, codes) => rule.levelOfCode(rotate(codes, state)),

    train({ variables, latents, levels: level, key }) {
      const exact = lax.stopGradient(rule.code(level));
      const codes = straightThrough(rule.bound(latents), exact);
      const noisy = key ? noiseDropout(codes, key, options) : codes;
      return { codes: rotateBack(noisy, variables.state), loss: np.zeros([]), losses: {} };
    },
  });
}
