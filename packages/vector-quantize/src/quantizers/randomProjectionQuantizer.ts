import { lax, numpy as np, random, tree } from "@jax-js/jax";
import { lookUp } from "../codebook/codebook.ts";
import { checkHolds } from "../errors.ts";
import { fromVectors, type Layout, layouts, positionShape, toVectors } from "../layout/layout.ts";
import { applyLinear, initLinear, type Projection } from "../layout/linear.ts";
import { fillMasked, hideMasked, maskOfVectors, zeroMasked } from "../layout/mask.ts";
import { layerNormalise } from "../layout/norm.ts";
import { crossEntropy } from "../losses/crossEntropy.ts";
import { choice, count, flag, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { codebookEncoder, type Query } from "../search/codebookEncoder.ts";
import { nearestInGraph, normalise, similarities } from "../search/graph.ts";
import { refuseRows, usableRows } from "../search/usable.ts";
import { both } from "../tracing.ts";
import { arraysIn, jitted } from "../tree.ts";
import type { MaskOptions, Quantizer, Variables } from "./contract.ts";
import { guarded } from "./guard.ts";
import { resting } from "./resting.ts";

/** Options of `randomProjectionQuantizer`. The reference's names, in camelCase. */
export class RandomProjectionOptions {
  /** Feature size of the input. */
  dim: number = integer();
  /** Codes of each codebook, `K`. */
  codebookSize: number = integer();
  /** Feature size of the codes, `C`. */
  codebookDim: number = integer();
  /** Codebooks, each with a projection of its own; a vector gets an index from each. Default 1. */
  numCodebooks?: number = count(1);
  /** Whether inputs are brought to mean 0 and variance 1 over their features. Default true. */
  norm?: boolean = flag(true);
  /**
   * As the reference has it with several codebooks: one more fixed linear map takes all projections
   * together to `numCodebooks * codebookDim` features for each codebook, whose codes have as many, and
   * another leads back. Default false, as in the paper.
   */
  mixesProjections?: boolean = flag(false);
  /** Layer normalisation after that map. Default false. */
  layernormAfterProjectIn?: boolean = flag(false);
  /** Where the features stand. Default `channelLast`. */
  layout?: Layout = choice(layouts, "channelLast");
}

export const randomProjectionTable = optionTable<RandomProjectionOptions>(
  "randomProjectionQuantizer",
  [RandomProjectionOptions],
  [
    (o) =>
      o.mixesProjections &&
      o.numCodebooks === 1 &&
      "numCodebooks above 1 with mixesProjections, got 1",
    (o) =>
      o.layernormAfterProjectIn &&
      !o.mixesProjections &&
      "mixesProjections with layernormAfterProjectIn, got it off",
    (options, where) =>
      checkHolds(
        where,
        "codebooks",
        options.numCodebooks,
        options.codebookSize,
        projectedWidth(options),
      ),
    ({ mixesProjections, numCodebooks, codebookDim }, where) =>
      mixesProjections && checkHolds(where, "linear map", numCodebooks ** 3, codebookDim ** 2),
    ({ numCodebooks, dim, codebookDim }, where) =>
      checkHolds(where, "projections", numCodebooks, dim, codebookDim),
  ],
);

/** Features of a code, `W`: more than the projection's where all projections are mixed. */
export function projectedWidth(options: Required<RandomProjectionOptions>): number {
  return options.codebookDim * (options.mixesProjections ? options.numCodebooks : 1);
}

/** All of it is random and fixed. */
export type RandomProjectionState = {
  projection: np.Array; // [numCodebooks, dim, C]
  /** Of unit length. */
  codebook: np.Array; // [numCodebooks, K, W]
  /** With `mixesProjections`: between all projections and all codes. */
  projectIn?: Projection; // [numCodebooks * C, numCodebooks * W]
  projectOut?: Projection; // [numCodebooks * W, numCodebooks * C]
  inputNorm?: { weight: np.Array; bias: np.Array }; // [numCodebooks * W]
};
/** A `randomProjectionQuantizer`. */
export type RandomProjection = Quantizer<Record<string, never>, RandomProjectionState>;
type Given = Variables<Record<string, never>, RandomProjectionState>;
type Call = MaskOptions & { variables: Given; x: np.Array; indices?: np.Array; targets?: np.Array };

/**
 * A random projection and random codes, both fixed, whose indices are the targets of self-supervised
 * training: `argmax_k cos(P^T norm(x), c_k)` (BEST-RQ). Nothing is trained, and `fit` and `update`
 * change nothing.
 *
 * With several codebooks a vector gets as many indices, along a last axis: one target for each of
 * several softmax outputs. The output is the chosen codes, of `numCodebooks * codebookDim` features.
 * With `targets`, `loss` is the cross-entropy of the similarities.
 *
 * ```ts
 * const quantizer = randomProjectionQuantizer({ dim: 80, codebookDim: 16, codebookSize: 8192 });
 * const targets = await quantizer.encode(variables, spectrogram); // [B, N]
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: Chiu et al., "Self-supervised Learning with Random-projection Quantizer for Speech
 * Recognition", 2022, https://arxiv.org/abs/2202.01855. The reference's class is
 * `RandomProjectionQuantizer`.
 */
export function randomProjectionQuantizer(given: RandomProjectionOptions): RandomProjection {
  const { options, config } = randomProjectionTable.read(given);
  const { dim, codebookDim: C, codebookSize: K, numCodebooks: H, norm, layout } = options;
  const W = projectedWidth(options);
  const all = Array.from({ length: H }, (_, h) => h);
  const indexAxes = H > 1 ? [H] : [];

  /** Unit vectors as each codebook sees them, `[N, W]`. */
  const enter = ({ projection, projectIn, inputNorm }: RandomProjectionState, x: np.Array) => {
    const given = toVectors(x, layout); // [N, dim]
    const vectors = refuseRows(given.ref, usableRows(given));
    const centred = norm ? normalised(vectors) : vectors;
    const projected = all.map((h) => np.matmul(centred.ref, projection.ref.slice(h))); // [N, C]
    if (!projectIn) return projected.map((part) => normalise(part));
    const mixed = applyLinear(np.concatenate(projected, 1), tree.ref(projectIn));
    const parts = layerNormalise(mixed, inputNorm && tree.ref(inputNorm)).reshape([-1, H, W]);
    return all.map((h) => normalise(parts.ref.slice([], h)));
  };

  /** A column of indices `[..., H]` or `[...]` per codebook: int32 `[N]`. */
  const columns = (indices: np.Array) => {
    const rows = indices.reshape([-1, H]);
    return all.map((h) => rows.ref.slice([], h));
  };

  /** Codes of a column per codebook, side by side: `[N, H W]`. */
  const lookUpAll = (codebook: np.Array, found: np.Array[]) =>
    np.concatenate(
      found.map((indices, h) => lookUp(codebook.ref.slice(h), indices)),
      1,
    );

  /** The searches that a call comes to, one per codebook. */
  const query = ({ state }: Given, x: np.Array): Query[] =>
    enter(state, x).map((vectors, h) => ({
      vectors,
      codes: state.codebook.ref.slice(h),
    }));

  const asIndices = (x: np.Array, found: np.Array[], masks: MaskOptions) => {
    const positions = positionShape(x.shape, layout);
    const mask = maskOfVectors(masks, positions);
    const seen = found.map((column) => hideMasked(column, mask?.ref));
    return np.stack(seen, -1).reshape([...positions, ...indexAxes]);
  };

  const encode = codebookEncoder({ metric: "cosine", query, asIndices });

  /** Codes `[N, H W]` as the output, `[N, H C]`. */
  const leave = ({ projectOut }: RandomProjectionState, codes: np.Array) =>
    applyLinear(codes, projectOut && tree.ref(projectOut));

  const positionsOf = (indices: np.Array) =>
    indices.shape.slice(0, indices.ndim - indexAxes.length);

  const codes = jitted(({ state }: Given, indices: np.Array) =>
    fromVectors(lookUpAll(state.codebook, columns(indices)), layout, positionsOf(indices)),
  );
  const decode = jitted(({ state }: Given, indices: np.Array) => {
    const found = lookUpAll(state.codebook, columns(indices));
    return fromVectors(leave(state, found), layout, positionsOf(indices));
  });

  const run = jitted(({ variables, x, indices, targets, ...masks }: Call) => {
    const { state } = variables;
    const positions = positionShape(x.shape, layout);
    const mask = maskOfVectors(masks, positions);
    const usable = usableRows(toVectors(x.ref, layout)); // [N]
    const real = mask ? both(usable, mask.ref) : usable;
    const searches = () => query(variables, x.ref);
    const nearest = () =>
      searches().map(({ vectors, codes }) => nearestInGraph(vectors, codes, "cosine"));
    const found = (indices ? columns(indices) : nearest()).map((part) =>
      hideMasked(part, real.ref),
    );
    const looked = lookUpAll(
      state.codebook,
      found.map((column) => column.ref),
    );
    const output = lax.stopGradient(fromVectors(leave(state, looked), layout, positions));
    const score = (wanted: np.Array[]) => {
      const logits = searches().map(({ vectors, codes }) => similarities(vectors, codes, "cosine"));
      const counted = wanted.map((column) => hideMasked(column, mask?.ref));
      return crossEntropy(np.concatenate(logits, 0), np.concatenate(counted, 0));
    };
    const loss = targets ? score(columns(targets)) : np.zeros([]);
    return {
      quantized: fillMasked(output.ref, np.zerosLike(output), mask, layout),
      indices: asIndices(x.ref, found, {}),
      loss: loss.ref,
      losses: { crossEntropy: loss },
      state,
    };
  });

  /** Fresh maps between all projections and all codes. */
  const mixing = (inKey: np.Array, outKey: np.Array) => ({
    projectIn: initLinear(inKey, H * C, H * W),
    projectOut: initLinear(outKey, H * W, H * C),
    ...(options.layernormAfterProjectIn && {
      inputNorm: { weight: np.ones([H * W]), bias: np.zeros([H * W]) },
    }),
  });

  const quantizer: RandomProjection = {
    config,
    dim,
    outputs: H * C,
    codebookSizes: all.map(() => K),

    init(key) {
      const [projectionKey, bookKey] = [...random.split(key.ref)] as [np.Array, np.Array];
      const projection = random.normal(projectionKey, [H, dim, C]);
      const uniform = random.uniform(bookKey.ref, [H, K, W], { minval: -1, maxval: 1 });
      const state = {
        projection: projection.mul(Math.sqrt(2 / (dim + C))),
        codebook: normalise(uniform),
      };
      if (!options.mixesProjections) {
        bookKey.dispose();
        return { params: {}, state };
      }
      const keys = [...random.split(bookKey, 3)] as [np.Array, np.Array, np.Array];
      const [unused, inKey, outKey] = keys;
      unused.dispose();
      return { params: {}, state: { ...state, ...mixing(inKey, outKey) } };
    },

    ...resting(),

    apply: (variables, x, { key: _, ...options } = {}) =>
      run(tree.ref({ variables, x, ...arraysIn(options) })),

    encode: (variables, x, masks = {}) => encode(variables, x, masks),

    codes: (variables, indices) => codes(tree.ref(variables), indices.ref),

    decode(variables, indices, masks = {}) {
      const positions = positionsOf(indices);
      const output = decode(tree.ref(variables), indices.ref);
      return zeroMasked(output, tree.ref(masks), positions, layout);
    },
  };
  return guarded(quantizer, {
    layout,
    indices: { axes: indexAxes },
    takes: { apply: ["targets"] },
    scores: () => H * K,
  });
}

/** Mean 0 and variance 1 over the features, as PyTorch's `nn.LayerNorm` without its weights. */
function normalised(vectors: np.Array): np.Array {
  const centred = vectors.ref.sub(np.mean(vectors, -1, { keepdims: true })); // [N, dim]
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  return centred.div(np.sqrt(variance.add(1e-5)));
}
