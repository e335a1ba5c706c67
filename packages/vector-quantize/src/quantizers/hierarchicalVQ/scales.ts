import { numpy as np, tree } from "@jax-js/jax";
import { jitByMode, owns } from "../../tree.ts";
import { poolTo, type Smoothing, smooth, upsampleTo } from "./images.ts";
import { convolutionCount, convolutionOf, type HierarchicalVQOptions } from "./options.ts";

/** What happens to the image around the codebook, scale by scale. */
export type Scales = ReturnType<typeof scalesOf>;

/** A scale, and height and width of the image. */
type Spreading = { at: number; size: readonly [number, number] };

export function scalesOf(options: Required<HierarchicalVQOptions>) {
  const { dim, scales, residualRatio } = options;
  const count = convolutionCount(options);
  const starts = scales.map((_, at) => scales.slice(0, at).reduce((sum, s) => sum + s * s, 0));
  const sideOf = (at: number) => scales[at] as number;

  /** What a scale sees of the image `[B, H, W, D]`: `[B, s s, D]`. */
  const pool = ({ image }: { image: np.Array }, { at }: { at: number }) =>
    poolTo(image, sideOf(at)).reshape([image.shape[0] as number, sideOf(at) ** 2, dim]);

  /** A scale's codes `[B, s s, D]` as it adds them to the image. */
  const spread = (
    { codes, convolution }: { codes: np.Array; convolution: Smoothing },
    { at, size }: Spreading,
  ) => {
    const map = codes.reshape([codes.shape[0] as number, sideOf(at), sideOf(at), dim]);
    return smooth(upsampleTo(map, size), convolution, residualRatio);
  };

  const parts = {
    count: scales.length,
    pool,
    spread,
    convolutionAt: (at: number) => convolutionOf(at, scales.length, count),

    /** The indices `[B, P]` of a scale, `[B, s s]`. */
    partOf(indices: np.Array, at: number): np.Array {
      const start = starts[at] as number;
      return indices.ref.slice([], [start, start + sideOf(at) ** 2]);
    },

    toRows: (x: np.Array) => np.moveaxis(x, 1, -1), // [B, H, W, D]

    fromRows: (image: np.Array) => np.moveaxis(image, -1, 1),
  };
  const pooled = jitByMode(pool);
  /** The image that a scale leaves, and the sum with what it adds. */
  const added = jitByMode(
    (
      call: { left: np.Array; sum: np.Array; codes: np.Array; convolution: Smoothing },
      mode: Spreading,
    ) => {
      const part = spread(call, mode);
      return { left: call.left.sub(part.ref), sum: call.sum.add(part) };
    },
  );

  return {
    ...parts,

    /**
     * Walks over the scales outside of a graph. Does not take ownership.
     *
     * @param see the codes `[B, s s, D]` of what a scale sees, which it borrows
     * @returns the sum of what all scales add, `[B, D, H, W]`
     */
    async walk(
      x: np.Array,
      convolutions: readonly Smoothing[],
      see: (seen: np.Array, at: number) => Promise<np.Array>,
    ): Promise<np.Array> {
      const left = parts.toRows(x.ref);
      const size = left.shape.slice(1, 3) as [number, number];
      const held = { left, sum: np.zerosLike(left.ref) };
      using _ = owns(held);
      for (let at = 0; at < scales.length; at++) {
        const seen = pooled({ image: held.left.ref }, { at });
        using _seen = owns(seen);
        const codes = await see(seen, at);
        const convolution = tree.ref(convolutions[parts.convolutionAt(at)] as Smoothing);
        Object.assign(held, added({ ...held, codes, convolution }, { at, size }));
      }
      return parts.fromRows(held.sum.ref);
    },
  };
}
