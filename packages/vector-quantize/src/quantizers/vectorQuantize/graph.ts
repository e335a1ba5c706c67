import { numpy as np, tree } from "@jax-js/jax";
import { codeStatistics } from "../../codebook/averages.ts";
import { lookUp } from "../../codebook/codebook.ts";
import { fromVectors, positionShape, toVectors } from "../../layout/layout.ts";
import { fillMasked, hideMasked, maskOfVectors } from "../../layout/mask.ts";
import { layerNormalise, project } from "../../layout/projection.ts";
import { nearestInGraph, normalise } from "../../search/graph.ts";
import { refuseRows, usableRows } from "../../search/usable.ts";
import { both, int32 } from "../../tracing.ts";
import type { MaskOptions } from "../contract.ts";
import {
  bookkeeping,
  comparedCodes,
  storedCodes,
  type VectorQuantizeParams,
  type VectorQuantizeState,
  type VectorQuantizeVariables,
} from "./books.ts";
import { type CountedBatch, type MoveMode, motionGraph } from "./move.ts";
import type { CompleteOptions } from "./options.ts";

/** The arrays of one call. */
export type Call = MaskOptions & {
  variables: VectorQuantizeVariables;
  x: np.Array;
  key?: np.Array;
  indices?: np.Array;
  targets?: np.Array;
  temperature?: np.Array;
  emaUpdateWeight?: np.Array;
};

/** The ways in and out of the codebook, shared by evaluation and training. */
export function passages(options: CompleteOptions) {
  const { metric, layout, heads } = options;
  const deal = bookkeeping(options);

  return {
    /** The input as the books see it: `[M, C]` per book. */
    toBooks(params: VectorQuantizeParams, x: np.Array): np.Array[] {
      const projected = project(toVectors(x, layout), params.projectIn);
      // The search refuses vectors that aren't usable, but for what it can't see any more.
      const hides = heads > 1 || metric === "cosine" || params.inputNorm;
      const open = hides ? refuseRows(projected.ref, usableRows(projected)) : projected;
      const vectors = layerNormalise(open, params.inputNorm); // [N, H C]
      return deal
        .splitVectors(vectors)
        .map((part) => (metric === "cosine" ? normalise(part) : part));
    },

    /** Codes `[M, C]` per book as the output at positions `[B, ...]`, in the input's layout. */
    fromBooks(params: VectorQuantizeParams, codes: np.Array[], positions: number[], k = 1) {
      const output = project(deal.joinVectors(codes, k), params.projectOut);
      return fromVectors(output, layout, positions);
    },

    /** The codes of each book as they are compared, `[K, C]`. */
    compared(variables: VectorQuantizeVariables): np.Array[] {
      const { params, state } = variables;
      const affine = state.affine ? deal.split(tree.ref(state.affine)) : [];
      return deal
        .split(storedCodes(variables))
        .map((stored, book) => comparedCodes(options, params, affine[book], stored));
    },

    /** `[...positions]`, with the axis of the heads if there are several. */
    shapeOfIndices: (positions: readonly number[]) =>
      options.heads === 1 ? [...positions] : [...positions, options.heads],

    /** What stands at the positions of `x` that are not real. */
    fill(output: np.Array, x: np.Array, mask: np.Array | undefined): np.Array {
      const padding = options.maskedOutput === "zeros" ? np.zerosLike(x) : x;
      return fillMasked(output, padding, mask, layout);
    },
  };
}

/**
 * The traced functions of a `vectorQuantize` quantizer beside `apply`: pure, to be jitted, their
 * arguments checked before.
 */
export function vectorQuantizeGraph(options: CompleteOptions) {
  const { metric, layout, heads } = options;
  const deal = bookkeeping(options);
  const { toBooks, fromBooks, compared, shapeOfIndices } = passages(options);
  const inMotion = motionGraph(options);
  const positionsOf = (x: np.Array) => positionShape(x.shape, layout);

  const search = ({ variables, x, ...masks }: Call) => {
    const mask = deal.maskOfBook(maskOfVectors(masks, positionsOf(x)));
    const codes = compared(variables);
    return toBooks(variables.params, x).map((vectors, book) =>
      hideMasked(nearestInGraph(vectors, codes[book] as np.Array, metric), mask?.ref),
    );
  };

  /** The codes that indices name, `[M, C]` per book. */
  const lookUpAll = (variables: VectorQuantizeVariables, indices: np.Array[]) =>
    compared(variables).map((codes, book) => lookUp(codes, indices[book] as np.Array));

  const decodeAt = (variables: VectorQuantizeVariables, indices: np.Array, projected: boolean) => {
    const positions = heads === 1 ? indices.shape : indices.shape.slice(0, -1);
    const codes = lookUpAll(variables, deal.splitIndices(indices));
    return fromBooks(projected ? variables.params : {}, codes, positions);
  };

  return {
    encode: (call: Call): np.Array =>
      deal.joinIndices(search(call)).reshape(shapeOfIndices(positionsOf(call.x))),

    codes: (variables: VectorQuantizeVariables, indices: np.Array): np.Array =>
      decodeAt(variables, indices, false),

    decode: (variables: VectorQuantizeVariables, indices: np.Array): np.Array =>
      decodeAt(variables, indices, true),

    /** The vectors that k-means sees, per book, and which of them count. */
    sample({ variables, x, ...masks }: Call) {
      const mask = deal.maskOfBook(maskOfVectors(masks, positionsOf(x)));
      return toBooks(variables.params, x).map((vectors) => {
        const usable = usableRows(vectors.ref); // [M]
        return { vectors, usable: mask ? both(usable, mask.ref) : usable };
      });
    },

    /** What a search outside the graph needs: vectors and codes per book. */
    query: ({ variables, x }: Pick<Call, "variables" | "x">) => ({
      vectors: toBooks(tree.ref(variables.params), x),
      codes: compared(variables),
    }),

    /** Indices that such a search found, `[M]` per book, as those of `x`. */
    found(x: np.Array, indices: np.Array[], masks: MaskOptions): np.Array {
      const positions = positionsOf(x);
      const mask = deal.maskOfBook(maskOfVectors(masks, positions));
      const seen = indices.map((part) => hideMasked(part, mask?.ref));
      return deal.joinIndices(seen).reshape(shapeOfIndices(positions));
    },

    /** What a step needs before it moves the codes: the first half of an update. */
    count({ variables, x, indices, ...masks }: Call) {
      const { params } = variables;
      const mask = deal.maskOfBook(maskOfVectors(masks, positionsOf(x)));
      const vectors = toBooks(params, x);
      const state = inMotion.affine(variables, vectors, mask?.ref);
      const counted = deal.splitIndices(indices as np.Array).map((found, book) => {
        const usable = usableRows((vectors[book] as np.Array).ref);
        return hideMasked(found, mask ? both(usable, mask.ref) : usable);
      });
      return { state, vectors: inMotion.placed({ params, state }, vectors), indices: counted };
    },

    /** What each code got, per book. */
    statistics: ({ vectors, indices }: { vectors: np.Array[]; indices: np.Array[] }) =>
      vectors.map((rows, book) =>
        codeStatistics(rows, indices[book] as np.Array, options.codebookSize),
      ),

    /** The state after the counts: the second half of an update. */
    move: (
      { params, ...call }: CountedBatch & VectorQuantizeVariables,
      mode: MoveMode,
    ): VectorQuantizeState => inMotion.move({ params, state: call.state }, call, mode),

    /** The codes at the moving averages. */
    follow: (variables: VectorQuantizeVariables) => inMotion.follow(variables),

    /** Dead codes replaced by vectors of `x`. */
    expire({ variables, x, key, ...masks }: Call): VectorQuantizeState {
      const mask = deal.maskOfBook(maskOfVectors(masks, positionsOf(x)));
      const vectors = toBooks(tree.ref(variables.params), x);
      const indices = vectors.map((rows) => {
        const usable = usableRows(rows.ref);
        const counted = mask ? both(usable, mask.ref) : usable;
        return counted.astype(np.int32).sub(int32(1)); // 0, or -1 where it does not count
      });
      return inMotion.expire(variables, { vectors, indices, key });
    },
  };
}
