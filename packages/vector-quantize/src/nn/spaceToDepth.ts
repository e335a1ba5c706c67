import type { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import { integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { settled, solid } from "../tracing.ts";
import { checkDivides, checkImages, type ImageShape, mostSide } from "./images.ts";
import { type Layer, type NoParams, noParameters } from "./layer.ts";
import { blocks } from "./reach.ts";

/** Options of `spaceToDepth` and `depthToSpace`. */
export class BlockOptions {
  /** Side of a block in pixels. */
  readonly block: number = integer(undefined, 1, mostSide);
}

const toDepth = optionTable<BlockOptions>("spaceToDepth", [BlockOptions]);
const toSpace = optionTable<BlockOptions>("depthToSpace", [BlockOptions]);

/**
 * Cuts images into square patches: `[B, H, W, C]` to `[B, H/b, W/b, b * b * C]`.
 *
 * The features of a patch are its pixels row by row, each with its channels. Followed by `linear`
 * this is the patch embedding of vision transformers, and a convolution whose stride is its size.
 */
export function spaceToDepth(given: BlockOptions): Layer<NoParams> {
  const { options, config } = toDepth.read(given);
  const { block } = options;
  return {
    config,
    reach: blocks({ down: block }),
    init: noParameters,
    apply(_params, x) {
      const image = checkImages("spaceToDepth", x.shape);
      checkDivides("spaceToDepth", "block", block, image);
      const { batch, height, width, channels } = image;
      const [rows, columns] = [height / block, width / block];
      return x
        .reshape([batch, rows, block, columns, block, channels])
        .transpose([0, 1, 3, 2, 4, 5])
        .reshape([batch, rows, columns, block * block * channels]);
    },
    work(shape) {
      const image = checkImages("spaceToDepth", shape);
      checkDivides("spaceToDepth", "block", block, image);
      const { batch, height, width, channels } = image;
      const outputShape = [batch, height / block, width / block, block * block * channels];
      return { kind: "rearrange", name: "spaceToDepth", inputShape: shape, outputShape, block };
    },
  };
}

/** The inverse of `spaceToDepth`: `[B, H, W, b * b * C]` to `[B, H * b, W * b, C]` ("pixel shuffle"). */
export function depthToSpace(given: BlockOptions): Layer<NoParams> {
  const { options, config } = toSpace.read(given);
  const { block } = options;
  return {
    config,
    reach: blocks({ up: block }),
    init: noParameters,
    apply(_params, x) {
      check(x.shape);
      return interleaved(x, [block, block]);
    },
    work(shape) {
      const { batch, height, width, channels } = check(shape);
      const outputShape = [batch, height * block, width * block, channels / block ** 2];
      return { kind: "rearrange", name: "depthToSpace", inputShape: shape, outputShape, block };
    },
  };

  function check(shape: readonly number[]): ImageShape {
    const image = checkImages("depthToSpace", shape);
    if (image.channels % block ** 2 === 0) return image;
    throw expected(
      "depthToSpace: channels",
      `a multiple of block ** 2 (${block ** 2})`,
      image.channels,
    );
  }
}

/**
 * Images whose pixels hold blocks of `h x w` pixels each: `[B, H, W, groups * h * w * C]` to
 * `[B, H * h, W * w, groups * C]`.
 *
 * They are computed, not viewed: cut or reordered in one kernel with this, jax-js reads the wrong pixels
 * of blocks that are as wide as they have channels.
 */
export function interleaved(
  x: np.Array,
  [high, wide]: readonly [number, number],
  groups = 1,
): np.Array {
  const [batch, height, width, depth] = x.shape as [number, number, number, number];
  const channels = depth / (groups * high * wide);
  const pixels = x
    .reshape([batch, height, width, groups, high, wide, channels])
    .transpose([0, 1, 4, 2, 5, 3, 6])
    .reshape([batch, height * high, width * wide, groups * channels]);
  return settled(solid(pixels), 1);
}
