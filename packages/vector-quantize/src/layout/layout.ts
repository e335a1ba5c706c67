import { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";

/**
 * Where the features of an input stand.
 *
 * - `channelLast`: `[B, ..., D]`, any number of position axes, none included (one token: `[B, D]`)
 * - `channelFirst`: `[B, D, N]`, or one token `[B, D]`
 * - `image`: `[B, D, height, width]`
 * - `video`: `[B, D, time, height, width]`
 *
 * The reference's `channel_last`, `accept_image_fmap` and `accept_3d_fmap` in one option.
 */
export type Layout = (typeof layouts)[number];

export const layouts = ["channelLast", "channelFirst", "image", "video"] as const;

const shapes: Record<Layout, { text: string; fits: (rank: number) => boolean }> = {
  channelLast: { text: "[B, ..., D]", fits: (rank) => rank >= 2 },
  channelFirst: { text: "[B, D, N] or [B, D]", fits: (rank) => rank === 2 || rank === 3 },
  image: { text: "[B, D, height, width]", fits: (rank) => rank === 4 },
  video: { text: "[B, D, time, height, width]", fits: (rank) => rank === 5 },
};

/** Throws unless `shape` has the rank of `layout`, `dim` features and a vector at all. */
export function checkInput(where: string, shape: number[], layout: Layout, dim: number): void {
  const { text, fits } = shapes[layout];
  if (!fits(shape.length)) {
    throw expected(`${where}: shape of x`, `${text} for layout "${layout}"`, shape);
  }
  if (shape.includes(0)) throw expected(`${where}: shape of x`, "at least one vector", shape);
  const features = layout === "channelLast" ? shape[shape.length - 1] : shape[1];
  if (features !== dim) {
    const swapped = shape.indexOf(dim, 1) > 0;
    throw expected(
      `${where}: feature size of x ${JSON.stringify(shape)}`,
      `dim = ${dim}`,
      features,
      swapped ? `Another axis has ${dim}: set the option "layout" (it is "${layout}")` : undefined,
    );
  }
}

/** Shape of the indices of an input: the input's without its feature axis. */
export function positionShape(shape: readonly number[], layout: Layout): number[] {
  return layout === "channelLast" ? shape.slice(0, -1) : [shape[0] as number, ...shape.slice(2)];
}

/** Lays all vectors of `x` under one another: the result is `[N, D]`. */
export function toVectors(x: np.Array, layout: Layout): np.Array {
  const last = layout === "channelLast" ? x : np.moveaxis(x, 1, -1);
  const shape = last.shape;
  return last.reshape([-1, shape[shape.length - 1] as number]); // [N, D]
}

/** The inverse of `toVectors`, for positions of shape `positions` and any feature size. */
export function fromVectors(
  vectors: np.Array,
  layout: Layout,
  positions: readonly number[],
): np.Array {
  const last = vectors.reshape([...positions, vectors.shape[1] as number]); // [B, ..., D]
  return layout === "channelLast" ? last : np.moveaxis(last, -1, 1);
}
