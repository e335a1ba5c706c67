import { blockUntilReady, lax, numpy as np, random, tree } from "@jax-js/jax";
import { lookUp } from "../codebook/codebook.ts";
import { checkHolds } from "../errors.ts";
import { fromVectors, type Layout, layouts, positionShape, toVectors } from "../layout/layout.ts";
import { fillMasked, hideMasked, maskOfVectors, zeroMasked } from "../layout/mask.ts";
import { crossEntropy } from "../losses/crossEntropy.ts";
import { choice, count, flag, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { nearestInGraph, normalise, similarities } from "../search/graph.ts";
import { nearestOnKernels, onKernels } from "../search/kernel.ts";
import { refuseRows, usableRows } from "../search/usable.ts";
import { both } from "../tracing.ts";
import { jitted, owns } from "../tree.ts";
import type { MaskOptions, Quantizer, Variables } from "./contract.ts";
import { guarded } from "./guard.ts";

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

  const search = ({ state }: Given, x: np.Array, mask: np.Array | undefined) =>
    enter(state.projection, x).map((vectors, h) =>
      hideMasked(nearestInGraph(vectors, state.codebook.ref.slice(h), "cosine"), mask?.ref),
    );

  const join = (found: np.Array[], positions: number[]) =>
    np.stack(found, -1).reshape([...positions, ...indexAxes]);

  const encode = jitted(({ variables, x, ...masks }: Call) => {
    const positions = positionShape(x.shape, layout);
    return join(search(variables, x, maskOfVectors(masks, positions)), positions);
  });

  /** What a search outside the graph needs, and what becomes of its answers. */
  const query = jitted(({ variables: { state }, x }: Pick<Call, "variables" | "x">) => ({
    vectors: enter(state.projection, x),
    codes: all.map((h) => state.codebook.ref.slice(h)),
  }));
  const settle = jitted(
    ({ found, x, ...masks }: { found: np.Array[]; x: np.Array } & MaskOptions) => {
      const positions = positionShape(x.shape, layout);
      const mask = maskOfVectors(masks, positions);
      return join(
        found.map((column) => hideMasked(column, mask?.ref)),
        positions,
      );
    },
  );

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
    const found = indices
      ? columns(indices).map((column) => hideMasked(column, real.ref))
      : search(variables, x.ref, mask?.ref);
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
      const logits = enter(state.projection, x.ref).map((vectors, h) =>
        similarities(vectors, state.codebook.ref.slice(h), "cosine"),
      );
      const counted = wanted.map((column) => hideMasked(column, mask?.ref));
      return crossEntropy(np.concatenate(logits, 0), np.concatenate(counted, 0));
    };
    const loss = targets ? score(columns(targets)) : np.zeros([]);
    return {
      quantized: fillMasked(output.ref, np.zerosLike(output), mask, layout),
      indices: join(found, positions),
      loss: loss.ref,
      losses: { crossEntropy: loss },
      state,
    };
  });

  const quantizer: RandomProjection = {
    config,
    dim,
    codebookSizes: all.map(() => K),

    init(key) {
      const [projectionKey, bookKey] = [...random.split(key)] as [np.Array, np.Array];
      const projection = random.normal(projectionKey, [H, dim, C]);
      return {
        params: {},
        state: {
          projection: projection.mul(Math.sqrt(2 / (dim + C))),
          codebook: normalise(random.uniform(bookKey, [H, K, C], { minval: -1, maxval: 1 })),
        },
      };
    },

    async fit(variables, x, { key, mask, lengths } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(x, key, masks);
      return variables;
    },

    apply(variables, x, { mask, lengths, indices, targets, key } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      const given = { ...(indices && { indices }), ...(targets && { targets }) };
      using _ = owns(variables, x, masks, given, key);
      return run(tree.ref({ variables, x, ...masks, ...given }));
    },

    async encode(variables, x, { mask, lengths } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(variables, x, masks);
      if (!onKernels(x)) return blockUntilReady(encode(tree.ref({ variables, x, ...masks })));
      const { vectors, codes } = query(tree.ref({ variables, x }));
      const found: np.Array[] = [];
      for (const h of all) {
        const [rows, book] = [vectors[h] as np.Array, codes[h] as np.Array];
        found.push(np.array(await nearestOnKernels(rows, book, "cosine")));
      }
      return blockUntilReady(settle({ found, x: x.ref, ...tree.ref(masks) }));
    },

    async update(variables, x, indices, { key, mask, lengths } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(variables, x, indices, key, masks);
      return tree.ref(variables.state);
    },

    codes: decode,

    decode(variables, indices, masks = {}) {
      using _ = owns(variables, indices, masks);
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
