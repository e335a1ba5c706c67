import { imageAutoencoder, type Model } from "vector-quantize/nn";
import { UsageFailure } from "../failure.ts";
import { makeQuantizer } from "./quantizer.ts";
import type { Settings } from "./settings.ts";

/** Most codes in all codebooks: the uses of each are counted and saved. */
const mostCodes = 2 ** 22;

/** The autoencoder of a run. */
export function buildModel(
  {
    patch,
    width,
    depth,
    quantizer: config,
  }: Pick<Settings, "patch" | "width" | "depth" | "quantizer">,
  channels: number,
): Model {
  const quantizer = makeQuantizer(config);
  const codes = quantizer.codebookSizes.reduce((sum, size) => sum + size, 0);
  if (codes > mostCodes) {
    throw new UsageFailure(
      `--quantizer ${config.type}: expected at most ${mostCodes} codes, whose uses are counted, got ${codes}`,
    );
  }
  return imageAutoencoder({ channels, patch, width, depth, codeDim: quantizer.dim, quantizer });
}
