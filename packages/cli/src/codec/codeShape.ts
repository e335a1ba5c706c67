import { numpy as np } from "@jax-js/jax";
import type { Quantizer } from "vector-quantize";

/**
 * How codes lie in files: image after image, `[N, h, w]`, with a last axis for the indices of a vector
 * where there are several. Of a quantizer of several scales `[N, P]`, all its maps one after another.
 */
export interface CodeShape {
  /** Axes of positions: height and width, or one for the maps of all scales. */
  readonly positions: 1 | 2;
  /** Groups, which quantizers have in front, `[G, N, ...]`, and files among the indices of a vector. */
  readonly groups: number;
  /** Sizes of the last axis, for the indices of a vector: none where it has one index without an axis. */
  readonly perVector: readonly number[];
}

export function codeShape(quantizer: Quantizer): CodeShape {
  const { groups = 0, codebookSizes, config } = quantizer as Quantizer & { groups?: number };
  const layers = codebookSizes.length;
  return {
    positions: config.type === "hierarchicalVQ" ? 1 : 2,
    groups,
    perVector: layers > 1 || groups > 0 || /residual/i.test(config.type) ? [layers] : [],
  };
}

/** Indices as a quantizer puts them out, as files have them. Takes ownership. */
export function toFileOrder(indices: np.Array, { groups }: CodeShape): np.Array {
  if (groups === 0) return indices;
  const [, ...shape] = indices.shape; // of pictures [G, N, h, w, Q] to [N, h, w, G Q]
  const layers = shape.pop() as number;
  return np.moveaxis(indices, 0, shape.length).reshape([...shape, groups * layers]);
}

/** The inverse of `toFileOrder`. Takes ownership. */
export function fromFileOrder(codes: np.Array, { groups }: CodeShape): np.Array {
  if (groups === 0) return codes;
  const shape = codes.shape.slice(0, -1);
  const indices = codes.shape.at(-1) as number;
  const parted = codes.reshape([...shape, groups, indices / groups]);
  return np.moveaxis(parted, shape.length, 0);
}

/** The first `count` images of indices as a quantizer has them. Takes ownership. */
export function firstImages(indices: np.Array, count: number, { groups }: CodeShape): np.Array {
  return groups === 0 ? indices.slice([0, count]) : indices.slice([], [0, count]);
}

/** The codes of a picture. */
export interface CodedPicture {
  readonly name?: string;
  /** Axes of the positions: `[h, w]`, or `[P]` of a quantizer of several scales. */
  readonly shape: readonly number[];
  /** `[height, width]` of the picture; all that the codes decode to where it isn't known. */
  readonly size?: readonly number[];
  /** `[...shape, Q]`, in the order of `CodeShape`. */
  readonly codes: Int32Array;
}
