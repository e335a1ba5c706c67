import { lax, numpy as np, random, tree } from "@jax-js/jax";
import { lookUp } from "../codebook/codebook.ts";
import { checkHolds } from "../errors.ts";
import { fromVectors, type Layout, layouts, positionShape, toVectors } from "../layout/layout.ts";
import { fillMasked, hideMasked, maskOfVectors, zeroMasked } from "../layout/mask.ts";
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
  /** Where the features stand. Default `channelLast`. */
  layout?: Layout = choice(layouts, "channelLast");
}

export const randomProjectionTable = optionTable<RandomProjectionOptions>(
  "randomProjectionQuantizer",
  [RandomProjectionOptions],
  [
    ({ numCodebooks, codebookSize, codebookDim }, where) =>
      checkHolds(where, "codebooks", numCodebooks, codebookSize, codebookDim),
    ({ numCodebooks, dim, codebookDim }, where) =>
      checkHolds(where, "projections", numCodebooks, dim, codebookDim),
  ],
);

/** All of it is random and fixed. */
export type RandomProjectionState = {
  projection: np.Array; // [numCodebooks, dim, C]
  /** Of unit length. */
  codebook: np.Array; // [numCodebooks, K, C]
};
type RandomProjection = Quantizer<Record<string, never>, RandomProjectionState>;
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
  const all = Array.from({ length: H }, (_, h) => h);
  const indexAxes = H > 1 ? [H] : [];

  /** Unit vectors as each codebook sees them, `[N, C]`. */
  const enter = (projection: np.Array, x: np.Array) => {
    const given = toVectors(x, layout); // [N, dim]
    const vectors = refuseRows(given.ref, usableRows(given));
    const centred = norm ? normalised(vectors) : vectors;
    return all.map((h) => normalise(np.matmul(centred.ref, projection.ref.slice(h))));
  };

  /** A column of indices `[..., H]` or `[...]` per codebook: int32 `[N]`. */
  const columns = (indices: np.Array) => {
    const rows = indices.reshape([-1, H]);
    return all.map((h) => rows.ref.slice([], h));
  };

  /** Codes of a column per codebook, side by side: `[N, H C]`. */
  const lookUpAll = (codebook: np.Array, found: np.Array[]) =>
    np.concatenate(
      found.map((indices, h) => lookUp(codebook.ref.slice(h), indices)),
      1,
    );

  /** The searches that a call comes to, one per codebook. */
  const query = ({ state }: Given, x: np.Array): Query[] =>
    enter(state.projection, x).map((vectors, h) => ({
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

  const decode = jitted(({ state }: Given, indices: np.Array) => {
    const positions = indices.shape.slice(0, indices.ndim - indexAxes.length);
    return fromVectors(lookUpAll(state.codebook, columns(indices)), layout, positions);
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
    const output = lax.stopGradient(
      fromVectors(
        lookUpAll(
          state.codebook,
          found.map((column) => column.ref),
        ),
        layout,
        positions,
      ),
    );
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

  const quantizer: RandomProjection = {
    config,
    dim,
    outputs: H * C,
    codebookSizes: all.map(() => K),

    init(key) {
      const [projectionKey, bookKey] = [...random.split(key.ref)] as [np.Array, np.Array];
      const projection = random.normal(projectionKey, [H, dim, C]);
      return {
        params: {},
        state: {
          projection: projection.mul(Math.sqrt(2 / (dim + C))),
          codebook: normalise(random.uniform(bookKey, [H, K, C], { minval: -1, maxval: 1 })),
        },
      };
    },

    ...resting(),

    apply: (variables, x, { key: _, ...options } = {}) =>
      run(tree.ref({ variables, x, ...arraysIn(options) })),

    encode: (variables, x, masks = {}) => encode(variables, x, masks),

    codes: (variables, indices) => decode(tree.ref(variables), indices.ref),

    decode(variables, indices, masks = {}) {
      const positions = indices.shape.slice(0, indices.ndim - indexAxes.length);
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
