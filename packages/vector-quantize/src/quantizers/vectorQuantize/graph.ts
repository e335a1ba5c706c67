import { numpy as np, tree } from "@jax-js/jax";
import { toBatch } from "../../codebook/affine.ts";
import { codeStatistics } from "../../codebook/averages.ts";
import { lookUp } from "../../codebook/codebook.ts";
import { fromVectors, positionShape, toVectors } from "../../layout/layout.ts";
import { applyLinear } from "../../layout/linear.ts";
import { fillMasked, hideMasked, maskOfVectors } from "../../layout/mask.ts";
import { layerNormalise } from "../../layout/norm.ts";
import type { Query } from "../../search/codebookEncoder.ts";
import { normalise } from "../../search/graph.ts";
import { refuseRows, usableRows } from "../../search/usable.ts";
import { both, int32 } from "../../tracing.ts";
import type { MaskOptions } from "../contract.ts";
import {
  type Bookkeeping,
  bookkeeping,
  storedBridge,
  storedCodes,
  type VectorQuantizeParams,
  type VectorQuantizeState,
  type VectorQuantizeVariables,
  withStoredCodes,
} from "./books.ts";
import { inPlaceSteps } from "./inPlace.ts";
import { motionGraph } from "./move.ts";
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

/** What all graphs of a `vectorQuantize` quantizer are made of, built once for all of them. */
export type Parts = ReturnType<typeof partsOf>;

export function partsOf(options: CompleteOptions) {
  const deal = bookkeeping(options);
  const ways = passages(options, deal);
  return {
    options,
    deal,
    ...ways,
    inMotion: motionGraph(options, deal),
    inPlaceSteps: inPlaceSteps(options, deal),
  };
}

/** Whether vectors enter the codebook, and its codes come out, as they lie in input and output. */
export function isDirect({ layout, heads, dim, codebookDim, metric }: CompleteOptions): boolean {
  return layout === "channelLast" && heads === 1 && codebookDim === dim && metric === "euclidean";
}

/** The ways in and out of the codebook, shared by evaluation and training. */
function passages(options: CompleteOptions, deal: Bookkeeping) {
  const { metric, layout, heads } = options;

  return {
    /** The input as the books see it: `[M, C]` per book. */
    toBooks(params: VectorQuantizeParams, x: np.Array): np.Array[] {
      const projected = applyLinear(toVectors(x, layout), params.projectIn);
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
      const output = applyLinear(deal.joinVectors(codes, k), params.projectOut);
      return fromVectors(output, layout, positions);
    },

    /** The codes of each book as they are compared, `[K, C]`: through the bridge and the affine map. */
    compared(variables: VectorQuantizeVariables): np.Array[] {
      const { state } = variables;
      const affine = state.affine ? deal.split(tree.ref(state.affine)) : [];
      const { vqBridge: bridge } = options;
      return deal.split(storedCodes(variables)).map((stored, book) => {
        const codes = bridge ? bridge.apply(storedBridge(variables), stored) : stored;
        const place = affine[book];
        return place ? toBatch(place, codes) : codes;
      });
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
export function vectorQuantizeGraph(parts: Parts) {
  const { options, deal, inMotion, toBooks, fromBooks, compared, shapeOfIndices } = parts;
  const { layout, heads } = options;

  /** Mask of a book's vectors, `[M]`, if some are not real. */
  const maskOf = (x: np.Array, masks: MaskOptions) =>
    deal.maskOfBook(maskOfVectors(masks, positionShape(x.shape, layout)));

  /** Which vectors count, `[M]`. */
  const countedOf = (vectors: np.Array, mask: np.Array | undefined) => {
    const usable = usableRows(vectors.ref);
    return mask ? both(usable, mask.ref) : usable;
  };

  /** The codes that indices name, as the output. */
  const decodeAt = (variables: VectorQuantizeVariables, indices: np.Array, projected: boolean) => {
    const positions = heads === 1 ? indices.shape : indices.shape.slice(0, -1);
    const found = deal.splitIndices(indices);
    const codes = compared(variables).map((book, at) => lookUp(book, found[at] as np.Array));
    return fromBooks(projected ? variables.params : {}, codes, positions);
  };

  return {
    codes: (variables: VectorQuantizeVariables, indices: np.Array): np.Array =>
      decodeAt(variables, indices, false),

    decode: (variables: VectorQuantizeVariables, indices: np.Array): np.Array =>
      decodeAt(variables, indices, true),

    stored: storedCodes,

    replaceCodes: withStoredCodes,

    /** The vectors that k-means sees, per book, and which of them count. */
    sample({ variables, x, ...masks }: Call) {
      const mask = maskOf(x, masks);
      return toBooks(variables.params, x).map((vectors) => ({
        usable: countedOf(vectors, mask), // [M]
        vectors,
      }));
    },

    /** The searches that `encode` comes to, one per book. */
    query(variables: VectorQuantizeVariables, x: np.Array): Query[] {
      const codes = compared(variables);
      return toBooks(tree.ref(variables.params), x).map((vectors, book) => ({
        vectors,
        codes: codes[book] as np.Array,
      }));
    },

    /** What these found, `[M]` per book, as indices of `x`. */
    asIndices(x: np.Array, found: np.Array[], masks: MaskOptions): np.Array {
      const mask = maskOf(x, masks);
      const seen = found.map((part) => hideMasked(part, mask?.ref));
      return deal.joinIndices(seen).reshape(shapeOfIndices(positionShape(x.shape, layout)));
    },

    /** What a step needs before it moves the codes: the first half of an update. */
    count({ variables, x, indices, ...masks }: Call) {
      const { params } = variables;
      const mask = maskOf(x, masks);
      const vectors = toBooks(params, x);
      const state = inMotion.affine(variables, vectors, mask?.ref);
      const placed = inMotion.placed({ params, state }, vectors);
      const found = deal.splitIndices(indices as np.Array);
      const seen = placed.map((rows, book) => ({
        vectors: rows,
        indices: hideMasked(found[book] as np.Array, countedOf(vectors[book] as np.Array, mask)),
      }));
      return { state, seen };
    },

    /** What each code got, per book. */
    statistics: (seen: { vectors: np.Array; indices: np.Array }[]) =>
      seen.map(({ vectors, indices }) => codeStatistics(vectors, indices, options.codebookSize)),

    /** The codes at the moving averages. */
    follow: (variables: VectorQuantizeVariables) => inMotion.follow(variables),

    /** Dead codes replaced by vectors of `x`. */
    expire({ variables, x, key, ...masks }: Call): VectorQuantizeState {
      const mask = maskOf(x, masks);
      const replacements = toBooks(tree.ref(variables.params), x).map((vectors) => ({
        vectors,
        indices: countedOf(vectors, mask).astype(np.int32).sub(int32(1)), // 0, or -1
      }));
      return inMotion.expire(variables, { replacements, key });
    },
  };
}
