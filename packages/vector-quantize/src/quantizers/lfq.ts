import { lax, numpy as np, random, tree } from "@jax-js/jax";
import { straightThrough } from "../gradients/straightThrough.ts";
import { applyLinear, initLinear, type LinearMap } from "../layout/linear.ts";
import { initRotation, rotate, rotateBack } from "../layout/rotation.ts";
import type { FoundEntropies } from "../losses/codeEntropy.ts";
import { codeEntropiesOnKernels } from "../losses/codeEntropyOnKernels.ts";
import { kernelsAreFast } from "../paths.ts";
import { normalise } from "../search/graph.ts";
import { finiteRows, refuseRows, usableRows } from "../search/usable.ts";
import type { ParamTree } from "../tree.ts";
import type { RotationState } from "./fsq.ts";
import { entropyInputs, lfqLosses } from "./lfq/losses.ts";
import {
  type CompleteLfqOptions,
  type LfqOptions,
  readLfqOptions,
  type StraightThroughActivation,
} from "./lfq/options.ts";
import type { LookupFreeParams, Preparation } from "./lookupFree/family.ts";
import { type LookupFreeQuantizer, lookupFree } from "./lookupFree.ts";

/** A `lfq` quantizer. Nothing of it is learned but the linear maps, where it has them. */
export type LookupFreeBinaryQuantizer = LookupFreeQuantizer<LfqParams, RotationState>;

/** Linear maps, and the parameters of an activation of the user's own. */
export type LfqParams = LookupFreeParams & { activation?: ParamTree };

/**
 * Lookup-free quantization: every dimension is a bit, the sign of the value; with `spherical`,
 * binary spherical quantization.
 *
 * The code has `codebookScale` where the value is above 0, else `-codebookScale`. The first
 * dimension is the highest bit of the index: `sum of bit[d] * 2^(bits - 1 - d)`, in encoding and in
 * decoding. Up to 2^31 codes an index is one int32; a larger codebook has several along a last axis
 * (see `joinWords`). No codebook is ever made.
 *
 * In training the loss is `entropyLossWeight * (perSampleEntropy - diversityGamma * batchEntropy) +
 * commitmentLossWeight * commitment`: each vector should decide, and the batch should use all codes. It
 * may be negative. The entropies are over all codes up to 2^22; of more bits, the sum of those of 22 at
 * a time, which bounds the batch's from above (see `codeEntropies`). Gradients pass straight through.
 *
 * A vector with NaN or infinity gets index -1 and comes out as NaN.
 *
 * ```ts
 * const quantizer = lfq({ codebookSize: 2 ** 16, dim: 64, spherical: true });
 * const { quantized, indices, loss } = quantizer.apply(variables, x, { training: true });
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: Yu et al., "Language Model Beats Diffusion: Tokenizer is Key to Visual Generation", 2023,
 * section 3.1, https://arxiv.org/abs/2310.05737; Zhao et al., "Image and Video Tokenization with
 * Binary Spherical Quantization", 2024, https://arxiv.org/abs/2406.07548. The reference's class is
 * `LFQ`.
 */
export function lfq(given: LfqOptions): LookupFreeBinaryQuantizer {
  const { options, config } = readLfqOptions(given);
  const { dim, bits, width, numCodebooks, codebookScale, spherical, projectionHasBias } = options;
  const entry = codebookScale / (spherical ? Math.sqrt(bits) : 1);
  const codesOf = (level: np.Array) =>
    level
      .astype(np.float32)
      .mul(2 * entry)
      .sub(entry);

  return lookupFree<LfqParams, RotationState>({
    name: "lfq",
    config,
    dim,
    layout: options.layout,
    codebooks: numCodebooks,
    keepCodebooks: options.keepNumCodebooksDim,
    radix: options.radix,
    losses: ["perSampleEntropy", "batchEntropy", "commitment"],
    temperature: options.temperature,
    ...(options.fracPerSampleEntropy < 1 &&
      options.entropyLossWeight > 0 && { draws: "fracPerSampleEntropy" }),

    init(key) {
      const [inKey, outKey, rotationKey] = [...random.split(key, 3)] as np.Array[];
      const map = (own: np.Array, from: number, to: number) =>
        initLinear(own, from, to, projectionHasBias);
      const maps = () => ({
        projectIn:
          options.cosineScale === undefined
            ? map(inKey as np.Array, dim, width)
            : { weight: random.normal(inKey as np.Array, [dim, width]) },
        projectOut: map(outKey as np.Array, width, dim),
      });
      if (!options.hasProjections) tree.dispose([inKey, outKey] as np.Array[]);
      const { straightThroughActivation: own } = options;
      const activation = typeof own === "object" && own.init?.((rotationKey as np.Array).ref, bits);
      return {
        params: {
          ...(options.hasProjections && maps()),
          ...(activation && { activation: activation as ParamTree }),
        },
        state: initRotation(rotationKey as np.Array, bits, options.orthogonalRotation),
      };
    },

    latents({ params, state }, vectors) {
      const mapped =
        params.projectIn && options.cosineScale !== undefined
          ? cosineMap(vectors, params.projectIn, options.cosineScale)
          : applyLinear(vectors, params.projectIn); // [N, codebooks * bits]
      const clamp = options.softClampInputValue;
      // Neither the clamp nor the sphere may make a number of what is none.
      const goodRows = spherical ? usableRows : clamp === undefined ? undefined : finiteRows;
      const good = goodRows?.(mapped.ref.reshape([-1, numCodebooks, bits])); // [N, codebooks]
      const clamped = clamp === undefined ? mapped : np.tanh(mapped.div(clamp)).mul(clamp);
      const turned = rotate(clamped.reshape([-1, numCodebooks, bits]), state);
      const latents = spherical ? normalise(turned).mul(codebookScale) : turned;
      return good ? refuseRows(latents, good) : latents;
    },

    levels: (_, latents) => latents.greater(0).astype(np.int32),

    codes: ({ state }, level) => rotateBack(codesOf(level), state),

    values: ({ state }, latents) => rotateBack(latents, state),

    levelsOfCodes: ({ state }, codes) => rotate(codes, state).greater(0).astype(np.int32),

    ...(options.entropyLossWeight > 0 &&
      kernelsAreFast() && { prepare: entropyPreparation(options) }),

    train({ variables, latents, levels, mask, key, temperature, prepared }) {
      const exact = lax.stopGradient(codesOf(levels));
      const codes = straightThrough(
        activate(options.straightThroughActivation, latents.ref, variables.params),
        exact.ref,
      );
      const { loss, losses } = lfqLosses(options, {
        latents,
        codes: exact,
        temperature: temperature as np.Array,
        ...(mask && { mask }),
        ...(key && { key }),
        ...(prepared && { prepared: prepared as FoundEntropies }),
      });
      return { codes: rotateBack(codes, variables.state), loss, losses };
    },
  });
}

/** The entropies, by the kernels. */
function entropyPreparation(options: CompleteLfqOptions): Preparation<LfqParams, RotationState> {
  return {
    inputs: ({ variables: _, temperature, ...rest }) =>
      entropyInputs(options, { ...rest, temperature: temperature as np.Array }),
    find(inputs) {
      const { logits, weights } = inputs as ReturnType<typeof entropyInputs>;
      return codeEntropiesOnKernels(logits, weights, options.entropyFloor);
    },
  };
}

function activate(
  activation: StraightThroughActivation,
  latents: np.Array,
  { activation: own = {} }: LfqParams,
): np.Array {
  if (typeof activation === "object") return activation.activation(latents, tree.ref(own));
  return activation === "tanh" ? np.tanh(latents) : latents;
}

/** Cosine similarity of vectors `[N, dim]` to the columns of a map, times `scale`. */
function cosineMap(vectors: np.Array, { weight }: LinearMap, scale: number): np.Array {
  const columns = normalise(weight.transpose()).transpose(); // [dim, codebooks * bits]
  const open = refuseRows(vectors.ref, usableRows(vectors));
  return np.matmul(normalise(open), columns).mul(scale);
}
