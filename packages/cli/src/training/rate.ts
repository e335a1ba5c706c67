import { UsageFailure } from "../failure.ts";
import type { Settings } from "./settings.ts";

/** What the one dial, bits a pixel, comes to. */
export interface RateChoice {
  readonly settings: Pick<Settings, "patch" | "width">;
  readonly type: "vectorQuantize" | "residualVQ";
  /** Options of the quantizer. */
  readonly options: Readonly<Record<string, number>>;
  /** What was chosen, in words. */
  readonly words: string;
}

const patches = [2, 4, 8, 16, 32];
/** A code should tell at least so much; with less, larger patches tell more for the same bits. */
const leastBits = 6;
/** k-means on some 65,000 vectors finds that many codes; more bits take layers. */
const mostBits = 10;
/** Layers of a network take so many features for each pixel along a side of a patch. */
const featuresPerPixel = 16;
const mostFeatures = 128;

/**
 * Patch, codebook and layers for so many bits a pixel: the smallest patches whose codes have 6 bits or
 * more, and no more layers than 10 bits each need.
 *
 * @throws UsageFailure for a rate that no patch has
 */
export function chooseByRate(bitsPerPixel: number): RateChoice {
  const patch = patches.find((side) => bitsPerPixel * side ** 2 >= leastBits);
  if (patch === undefined || bitsPerPixel > 16) {
    const least = leastBits / (patches.at(-1) as number) ** 2;
    throw new UsageFailure(
      `--bits-per-pixel: expected ${least.toFixed(4)} to 16, got ${bitsPerPixel}`,
    );
  }
  const perCode = bitsPerPixel * patch ** 2;
  const layers = Math.ceil(perCode / mostBits);
  const codes = 2 ** Math.round(perCode / layers);
  const width = Math.min(mostFeatures, featuresPerPixel * patch);
  const reached = (layers * Math.log2(codes)) / patch ** 2;
  const book = layers === 1 ? `a codebook of ${codes}` : `${layers} layers of ${codes} codes`;
  return {
    settings: { patch, width },
    type: layers === 1 ? "vectorQuantize" : "residualVQ",
    options: {
      codebookSize: codes,
      ...(layers > 1 && { numQuantizers: layers, dim: 16 }),
    },
    words:
      `${bitsPerPixel} bits a pixel: patches of ${patch} x ${patch}, ${book}, ` +
      `which makes ${reached.toFixed(3)} bits a pixel; width ${width}.`,
  };
}
