import { lax, numpy as np, tree } from "@jax-js/jax";
import type { AffineState } from "../../codebook/affine.ts";
import type { CodeStatistics } from "../../codebook/averages.ts";
import type { Projection } from "../../layout/linear.ts";
import type { ArrayTree, ParamTree } from "../../tree.ts";
import type { Variables } from "../contract.ts";
import type { CompleteOptions } from "./options.ts";

/** What gradients train. */
export type VectorQuantizeParams = {
  /** Linear maps to and from the codebook's feature size, present where it is not `dim`. */
  projectIn?: Projection; // [dim, H C]
  projectOut?: Projection; // [H C, dim]
  /** Layer normalisation after the map in. */
  inputNorm?: { weight: np.Array; bias: np.Array }; // [H C]
  /** The codes, if gradients train them: `[K, C]`, or `[H, K, C]` with a codebook per head. */
  codebook?: np.Array;
  /** Parameters of the bridge. */
  vqBridge?: ParamTree;
};

/**
 * What training steps move. Shapes are those of one codebook; with a codebook per head, an axis `H`
 * stands before them.
 */
export type VectorQuantizeState = {
  /** The codes, `[K, C]`, if no gradients train them. */
  codebook?: np.Array;
  /** If gradients train them: what replacements and in-place steps added to `params.codebook`. */
  shift?: np.Array;
  clusterSize: np.Array; // [K]
  codeSums: np.Array; // [K, C]
  affine?: AffineState;
  /** Statistics of earlier calls of this step that were only accumulated. */
  pending?: CodeStatistics;
  /** State of the in-place optimizer, and the gradient that waits for its manual step. */
  optimizer?: ArrayTree;
  codebookGradient?: np.Array;
  /** With a bridge too: what its steps added to `params.vqBridge`, and the bridge's gradient. */
  bridgeShift?: ArrayTree;
  bridgeGradient?: ArrayTree;
};

/** All arrays of a `vectorQuantize` quantizer. */
export type VectorQuantizeVariables = Variables<VectorQuantizeParams, VectorQuantizeState>;

/**
 * How vectors and indices are dealt out to codebooks ("books"): one, also for heads that share it,
 * or one per head. Inside, everything is a list with one entry per book, of `M` vectors `[M, C]`
 * with `M = N`, or `M = N H` where the heads share a book.
 */
export function bookkeeping({ heads, separateCodebookPerHead }: CompleteOptions) {
  const books = separateCodebookPerHead ? heads : 1;
  const shared = heads > 1 && books === 1;

  const unstack = (x: np.Array): np.Array[] => (books === 1 ? [x] : [...x]);
  const stack = (parts: readonly np.Array[]): np.Array =>
    books === 1 ? (parts[0] as np.Array) : np.stack([...parts], 0);

  return {
    books,

    /** One entry per book of a tree whose leaves carry the axis `H` if there are several. */
    split<T extends ArrayTree>(stacked: T): T[] {
      if (books === 1) return [stacked];
      const leaves = tree.leaves(stacked as never) as np.Array[];
      const parts = leaves.map(unstack);
      const treedef = tree.structure(stacked as never);
      return Array.from(
        { length: books },
        (_, book) =>
          tree.unflatten(
            treedef,
            parts.map((p) => p[book] as np.Array),
          ) as T,
      );
    },

    /** The inverse of `split`. */
    join<T extends ArrayTree>(parts: readonly T[]): T {
      if (books === 1) return parts[0] as T;
      const [first, ...rest] = parts as unknown as [never, ...never[]];
      return tree.map((...leaves: np.Array[]) => stack(leaves), first, ...rest) as T;
    },

    /** Vectors `[N, H C]` as `[M, C]` per book. */
    splitVectors(vectors: np.Array): np.Array[] {
      const [N, width] = vectors.shape as [number, number];
      if (heads === 1) return [vectors];
      if (shared) return [vectors.reshape([N * heads, width / heads])];
      return [...np.moveaxis(vectors.reshape([N, heads, width / heads]), 1, 0)];
    },

    /** Codes `[M k, C]` per book as `[N k, H C]`: `k` codes for each vector. */
    joinVectors(parts: readonly np.Array[], k = 1): np.Array {
      const [first] = parts as [np.Array];
      const [rows, C] = first.shape as [number, number];
      if (heads === 1) return first;
      if (!shared) return np.stack([...parts], 1).reshape([rows, heads * C]);
      const N = rows / heads / k;
      const byCandidate = first.reshape([N, heads, k, C]).transpose([0, 2, 1, 3]);
      return byCandidate.reshape([N * k, heads * C]);
    },

    /** Indices `[M k]` per book as `[N k]`, or `[N k, H]`. */
    joinIndices(parts: readonly np.Array[], k = 1): np.Array {
      const [first] = parts as [np.Array];
      if (heads === 1) return first;
      if (!shared) return np.stack([...parts], 1);
      const N = first.size / heads / k;
      return first
        .reshape([N, heads, k])
        .transpose([0, 2, 1])
        .reshape([N * k, heads]);
    },

    /** Indices `[N]` or `[N, H]`, of any shape that starts so, as `[M]` per book. */
    splitIndices(indices: np.Array): np.Array[] {
      if (books === 1) return [indices.reshape([-1])];
      return [...np.moveaxis(indices.reshape([-1, heads]), 1, 0)];
    },

    /** A mask of the vectors, `[N]`, as one of a book's vectors, `[M]`. */
    maskOfBook(mask: np.Array | undefined): np.Array | undefined {
      return shared && mask ? np.repeat(mask, heads, 0) : mask;
    },
  };
}

export type Bookkeeping = ReturnType<typeof bookkeeping>;

/** The codes as stored, whoever trains them; gradients reach `params.codebook` alone. */
export function storedCodes({ params, state }: VectorQuantizeVariables): np.Array {
  if (!params.codebook) return lax.stopGradient((state.codebook as np.Array).ref);
  return params.codebook.ref.add(lax.stopGradient((state.shift as np.Array).ref));
}

/** The bridge's parameters, whoever moved them; gradients reach `params.vqBridge` alone. */
export function storedBridge({ params, state }: VectorQuantizeVariables): ArrayTree {
  const own = tree.ref(params.vqBridge as ArrayTree);
  return state.bridgeShift ? added(own, stillOf(state.bridgeShift)) : own;
}

/** One tree of arrays added to another of the same shape. */
export const added = (a: ArrayTree, b: ArrayTree): ArrayTree =>
  tree.map((x: np.Array, y: np.Array) => x.add(y), a as never, b as never) as never;

/** A tree of arrays without gradients; keeps none of those given. */
export const stillOf = (values: ArrayTree): ArrayTree =>
  tree.map((x: np.Array) => lax.stopGradient(x.ref), values as never) as never;

/** The state in which the codes are `codes`; those that do not change keep their bits. */
export function withStoredCodes(
  { params, state }: VectorQuantizeVariables,
  codes: np.Array,
): VectorQuantizeState {
  const fixed = lax.stopGradient(codes);
  if (!params.codebook) return { ...state, codebook: fixed };
  const own = lax.stopGradient(params.codebook.ref);
  const shift = (state.shift as np.Array).ref;
  const rests = fixed.ref.equal(own.ref.add(shift.ref));
  return { ...state, shift: np.where(rests, shift, fixed.sub(own)) };
}
