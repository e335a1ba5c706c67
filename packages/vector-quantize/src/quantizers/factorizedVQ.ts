import { lax, numpy as np, random, tree } from "@jax-js/jax";
import { lookUp } from "../codebook/codebook.ts";
import { checkHolds } from "../errors.ts";
import { straightThrough } from "../gradients/straightThrough.ts";
import { fromVectors, type Layout, layouts, positionShape, toVectors } from "../layout/layout.ts";
import { applyLinear, initLinear, type Projection } from "../layout/linear.ts";
import { fillMasked, hideMasked, maskedMean, maskOfVectors, zeroMasked } from "../layout/mask.ts";
import { atLeastZero, choice, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { codebookEncoder } from "../search/codebookEncoder.ts";
import { nearestInGraph, normalise } from "../search/graph.ts";
import { refuseRows, usableRows } from "../search/usable.ts";
import { both } from "../tracing.ts";
import { arraysIn, jitByMode, jitted } from "../tree.ts";
import type { MaskOptions, Quantizer, Variables } from "./contract.ts";
import { guarded } from "./guard.ts";
import { resting } from "./resting.ts";

/** Options of `factorizedVQ`. */
export class FactorizedVQOptions {
  /** Feature size of the input. */
  dim: number = integer();
  /** Number of codes, `K`. */
  codebookSize: number = integer();
  /** Feature size of the codes, `C`. Default 8. */
  codebookDim?: number = integer(8);
  /** Where the features stand. Default `channelLast`. */
  layout?: Layout = choice(layouts, "channelLast");
  /** Weight of the loss that draws the input to its code. Default 0.25. */
  commitmentWeight?: number = atLeastZero(0.25);
  /** Weight of the loss that draws codes to their inputs. Default 1. */
  codebookWeight?: number = atLeastZero(1);
}

export const factorizedVQTable = optionTable<FactorizedVQOptions>(
  "factorizedVQ",
  [FactorizedVQOptions],
  [
    ({ codebookSize, codebookDim }, where) =>
      checkHolds(where, "codebook", codebookSize, codebookDim),
    ({ dim, codebookDim }, where) => checkHolds(where, "linear maps", dim, codebookDim),
  ],
);

/** What gradients train: the maps in and out, and the codes, `[K, C]`. */
export type FactorizedVQParams = {
  projectIn: Projection;
  projectOut: Projection;
  codebook: np.Array;
};
type Nothing = Record<string, never>;
type FactorizedVQVariables = Variables<FactorizedVQParams, Nothing>;

/** A `factorizedVQ` quantizer. */
export type FactorizedVQuantizer = Quantizer<FactorizedVQParams, Nothing>;

type Call = MaskOptions & { variables: FactorizedVQVariables; x: np.Array; indices?: np.Array };

/** So short a vector counts as 0, as in PyTorch's `normalize`. */
const shortest = 1e-12;

/**
 * Vector quantization with codes of few features that are compared by direction alone: the quantizer of
 * Descript's audio codec and of ViT-VQGAN.
 *
 * `z = W_in x + b_in`; the index is `argmax_k z/|z| . c_k/|c_k|`, the output `W_out c_k + b_out` with the
 * code as long as it is. In training gradients pass straight through, and the loss is `commitmentWeight
 * mean (z - sg(c))^2 + codebookWeight mean (sg(z) - c)^2`. There is nothing to `fit`: it gives back what
 * it is given.
 *
 * A vector with NaN, infinity, or an image `z` of 2^50 or more gets index -1 and comes out as NaN.
 *
 * ```ts
 * const quantizer = factorizedVQ({ dim: 64, codebookSize: 1024 });
 * const { quantized, indices, loss } = quantizer.apply(variables, x, { training: true });
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: Yu et al., "Vector-quantized Image Modeling with Improved VQGAN", 2021, section 3.2,
 * https://arxiv.org/abs/2110.04627; Kumar et al., "High-Fidelity Audio Compression with Improved RVQGAN",
 * 2023, https://arxiv.org/abs/2306.06546.
 */
export function factorizedVQ(given: FactorizedVQOptions): FactorizedVQuantizer {
  const { options, config } = factorizedVQTable.read(given);
  const { dim, codebookSize: K, codebookDim: C, layout } = options;

  /** The vectors `[N, C]`, NaN throughout where they can't be used. */
  const latents = (params: FactorizedVQParams, x: np.Array) => {
    const projected = applyLinear(toVectors(x, layout), params.projectIn);
    return refuseRows(projected.ref, usableRows(projected));
  };
  const directions = (rows: np.Array) => normalise(rows, shortest);
  const leave = (params: FactorizedVQParams, codes: np.Array, positions: number[]) =>
    fromVectors(applyLinear(codes, params.projectOut), layout, positions);

  const run = ({ variables, x, indices, ...masks }: Call, mode: { training: boolean }) => {
    const { params } = variables;
    const positions = positionShape(x.shape, layout);
    const mask = maskOfVectors(masks, positions); // [N]
    const z = latents(tree.ref(params), x); // [N, C]
    const usable = usableRows(z.ref); // [N]
    const real = mask ? both(usable.ref, mask.ref) : usable.ref;
    const nearest = () =>
      nearestInGraph(
        directions(lax.stopGradient(z.ref)),
        directions(lax.stopGradient(params.codebook.ref)),
        "cosine",
      );
    const found = hideMasked(indices ? indices.reshape([-1]) : nearest(), usable);
    const codes = lookUp(params.codebook.ref, found.ref); // [N, C]
    const known = (values: np.Array) => np.where(real.ref.reshape([-1, 1]), values, 0);
    const error = (a: np.Array, b: np.Array) =>
      maskedMean(np.square(known(a).sub(known(lax.stopGradient(b)))), real.ref);
    const none = () => np.zeros([]);
    const losses = {
      codebook: mode.training ? error(codes.ref, z.ref) : none(),
      commitment: mode.training ? error(z.ref, codes.ref) : none(),
    };
    const passed = mode.training ? straightThrough(z, codes) : codes;
    const output = leave(tree.ref(params), passed, positions);
    return {
      quantized: fillMasked(output.ref, np.zerosLike(output), mask?.ref, layout),
      indices: hideMasked(found, mask).reshape(positions),
      loss: losses.commitment.ref
        .mul(options.commitmentWeight)
        .add(losses.codebook.ref.mul(options.codebookWeight)),
      losses,
      state: {} as Nothing,
    };
  };
  const apply = jitByMode(run);
  const encode = codebookEncoder({
    metric: "cosine",
    query: ({ params }: FactorizedVQVariables, x) => [
      { vectors: directions(latents(params, x)), codes: directions(params.codebook) },
    ],
    asIndices(x, [found], masks: MaskOptions) {
      const positions = positionShape(x.shape, layout);
      return hideMasked(found as np.Array, maskOfVectors(masks, positions)).reshape(positions);
    },
  });
  const codes = jitted(({ params }: FactorizedVQVariables, indices: np.Array) =>
    fromVectors(lookUp(params.codebook, indices.reshape([-1])), layout, indices.shape),
  );
  const decode = jitted(({ params }: FactorizedVQVariables, indices: np.Array) =>
    leave(params, lookUp(params.codebook.ref, indices.reshape([-1])), indices.shape),
  );

  const quantizer: FactorizedVQuantizer = {
    config,
    dim,
    codebookSizes: [K],
    trainsApart: true,

    init(key) {
      const keys = [...random.split(key.ref, 3)] as [np.Array, np.Array, np.Array];
      const params = {
        projectIn: initLinear(keys[0], dim, C),
        projectOut: initLinear(keys[1], C, dim),
        codebook: random.normal(keys[2], [K, C]), // as PyTorch's nn.Embedding
      };
      return { params, state: {} };
    },

    ...resting(),

    apply: (variables, x, { training = false, key: _, ...given } = {}) =>
      apply(tree.ref({ variables, x, ...arraysIn(given) }), { training }),

    encode: (variables, x, masks = {}) => encode(variables, x, masks),

    codes: (variables, indices) => codes(tree.ref(variables), indices.ref),

    decode(variables, indices, masks = {}) {
      const output = decode(tree.ref(variables), indices.ref);
      return zeroMasked(output, tree.ref(masks), indices.shape, layout);
    },
  };
  return guarded(quantizer, { layout, indices: { axes: [] }, scores: () => K });
}
