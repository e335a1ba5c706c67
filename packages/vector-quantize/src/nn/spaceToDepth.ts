import { expected } from "../errors.ts";
import { integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { checkDivides, checkImages, mostSide } from "./images.ts";
import { type Layer, type NoParams, noParameters } from "./layer.ts";

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
  };
}

/** The inverse of `spaceToDepth`: `[B, H, W, b * b * C]` to `[B, H * b, W * b, C]` ("pixel shuffle"). */
export function depthToSpace(given: BlockOptions): Layer<NoParams> {
  const { options, config } = toSpace.read(given);
  const { block } = options;
  return {
    config,
    init: noParameters,
    apply(_params, x) {
      const { batch, height, width, channels: depth } = checkImages("depthToSpace", x.shape);
      const channels = depth / (block * block);
      if (!Number.isInteger(channels)) {
        throw expected("depthToSpace: channels", `a multiple of block ** 2 (${block ** 2})`, depth);
      }
      return x
        .reshape([batch, height, width, block, block, channels])
        .transpose([0, 1, 3, 2, 4, 5])
        .reshape([batch, height * block, width * block, channels]);
    },
  };
}
