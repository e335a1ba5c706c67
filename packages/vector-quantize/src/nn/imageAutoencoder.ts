import { expected } from "../errors.ts";
import { absent, declared, integer } from "../options/kinds.ts";
import { type Complete, optionTable } from "../options/table.ts";
import { checkQuantizer } from "../quantizers/checkQuantizer.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { relu } from "./activations.ts";
import { conv2d } from "./conv2d.ts";
import { mostSide } from "./images.ts";
import type { Layer } from "./layer.ts";
import { layerNorm } from "./layerNorm.ts";
import { linear } from "./linear.ts";
import type { Model } from "./model.ts";
import { permute } from "./permute.ts";
import { residual } from "./residual.ts";
import { sequential } from "./sequential.ts";
import { depthToSpace, spaceToDepth } from "./spaceToDepth.ts";

/** Options of `imageAutoencoder`. */
export class ImageAutoencoderOptions {
  /** Channels of the images. Default 3. */
  readonly channels?: number = integer(3);
  /** Pixels a side for each code: images of 32 x 32 get `(32 / patch) ** 2` codes. Default 2. */
  readonly patch?: number = integer(2, 1, mostSide);
  /** Features of the layers between. Default 32. */
  readonly width?: number = integer(32);
  /** Residual blocks on each side of the quantizer. Default 1. */
  readonly depth?: number = integer(1, 0, 256);
  /** Number of codes. Default 512. */
  readonly codebookSize?: number = integer(512);
  /** Features of a code. Default 8. */
  readonly codeDim?: number = integer(8);
  /** Any quantizer of feature size `codeDim`, in place of the default: wherever it has its features. */
  readonly quantizer?: Quantizer = declared(checkQuantizer, absent);
}

const table = optionTable<ImageAutoencoderOptions, Complete<ImageAutoencoderOptions, "quantizer">>(
  "imageAutoencoder",
  [ImageAutoencoderOptions],
  [
    ({ quantizer, codeDim }, where) => {
      if (!quantizer || quantizer.dim === codeDim) return;
      throw expected(`${where}: quantizer.dim`, `codeDim (${codeDim})`, quantizer.dim);
    },
  ],
);

/** Whether a quantizer has its features behind the batch, `[B, D, H, W]`, by its options or always. */
function hasFeaturesFirst({ config: { type, layout = "channelLast" } }: Quantizer): boolean {
  return type === "hierarchicalVQ" || layout !== "channelLast";
}

/**
 * An autoencoder for small images that trains in about a minute on a CPU with four cores: images
 * `[B, H, W, channels]` whose sides are multiples of `patch`.
 *
 * Patches are embedded; `depth` residual blocks follow, each a 3 x 3 convolution over neighbouring
 * patches and a linear layer; then a normalisation and a projection to `codeDim` features. Behind
 * the quantizer the same stands in reverse. All of it runs as matrix products. The blocks let a code
 * tell about its surroundings: without them it could do no better than the nearest of `codebookSize`
 * patches. The normalisation keeps the vectors in reach of the codes while the encoder learns.
 *
 * The default quantizer keeps its codes in use: k-means first (`model.fit` on a batch), moving averages
 * that follow within some ten steps (decay 0.9), and codes with less than a tenth of an even share
 * replaced. Gradients pass it straight through, under which pictures go on to get better.
 *
 * @throws VectorQuantizeError for an option out of range, or a quantizer of another feature size
 */
export function imageAutoencoder(given: ImageAutoencoderOptions = {}): Model {
  const { options } = table.read(given);
  const { channels, patch, width, depth, codebookSize, codeDim } = options;
  const quantizer =
    options.quantizer ??
    vectorQuantize({
      dim: codeDim,
      codebookSize,
      decay: 0.9,
      commitmentWeight: 0.25,
      thresholdEmaDeadCode: { share: 0.1 },
      gradient: "straightThrough",
    });

  const featuresFirst = hasFeaturesFirst(quantizer);
  const pixels = patch * patch * channels;
  const map = (inFeatures: number, outFeatures: number) => linear({ inFeatures, outFeatures });
  const blocks = (): Layer[] =>
    Array.from({ length: depth }, () =>
      residual([
        relu(),
        conv2d({ inChannels: width, outChannels: width }),
        relu(),
        map(width, width),
      ]),
    );
  return sequential([
    spaceToDepth({ block: patch }),
    map(pixels, width),
    ...blocks(),
    layerNorm({ features: width }),
    map(width, codeDim),
    ...(featuresFirst ? [permute({ axes: [0, 3, 1, 2] })] : []),
    quantizer,
    ...(featuresFirst ? [permute({ axes: [0, 2, 3, 1] })] : []),
    map(quantizer.outputs ?? codeDim, width),
    ...blocks(),
    map(width, pixels),
    depthToSpace({ block: patch }),
  ]);
}
