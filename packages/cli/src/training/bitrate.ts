import { UsageFailure } from "../failure.ts";
import { grouped, small } from "../output/words.ts";
import type { Settings } from "./settings.ts";

/** What the one dial, bits a second, comes to. */
export interface BitrateChoice {
  readonly settings: Pick<Settings, "strides">;
  readonly type: "residualVQ";
  /** Options of the quantizer. */
  readonly options: Readonly<Record<string, number | boolean>>;
  /** What was chosen, in words. */
  readonly words: string;
}

/** Strides that an encoder may have, small ones first: at the rate of the samples layers cost most. */
const ladders = [
  [2, 2, 5],
  [2, 3, 5],
  [2, 4, 5],
  [3, 4, 5],
  [4, 4, 5],
  [4, 5, 5],
  [4, 5, 6],
  [4, 5, 8],
  [5, 5, 8],
  [5, 6, 8],
  [5, 8, 8],
  [6, 8, 8],
  [6, 8, 10],
  [8, 8, 10],
  [8, 10, 10],
  [8, 10, 12],
];
/** Positions of codes a second; half as many below 800 bits a second, more where layers don't suffice. */
const usualFrames = 100;
const fewBits = 800;
const mostFrames = 400;
/** A layer has about 256 codes at most: seconds of speech must suffice to find them. */
const mostBits = 8;
const mostLayers = 12;
const least = 200;
const most = mostFrames * mostLayers * mostBits;
/** Features of a code. */
const dim = 64;

/**
 * Strides, codebooks and layers for so many bits a second: about 100 positions a second with as many layers as 8
 * bits each need.
 *
 * @throws UsageFailure for a rate out of reach
 */
export function chooseByBitrate(bitrate: number, sampleRate: number): BitrateChoice {
  if (!(bitrate >= least && bitrate <= most)) {
    throw new UsageFailure(`--bitrate: expected ${least} to ${most} bits a second, got ${bitrate}`);
  }
  let frames = bitrate < fewBits ? usualFrames / 2 : usualFrames;
  while (bitrate > frames * mostLayers * mostBits) frames *= 2;
  const strides = stridesFor(sampleRate / frames);
  const hop = productOf(strides);
  const perFrame = (bitrate * hop) / sampleRate;
  const layers = Math.max(1, Math.ceil(perFrame / mostBits - 0.05));
  // Products of strides are not any number: one layer more makes up for that.
  if (layers > mostLayers + 1) {
    const reached = grouped((mostLayers * mostBits * sampleRate) / hop);
    throw new UsageFailure(
      `--bitrate: expected at most ${reached} bits a second at ${grouped(sampleRate)} Hz, got ${bitrate}`,
    );
  }
  const codebookSize = Math.max(2, Math.round(2 ** (perFrame / layers)));
  const reached = (layers * Math.log2(codebookSize) * sampleRate) / hop;
  return {
    settings: { strides },
    type: "residualVQ",
    options: { codebookSize, numQuantizers: layers, dim },
    words:
      `${grouped(bitrate)} bits a second at ${grouped(sampleRate)} Hz: strides ${strides.join(", ")}, ` +
      `${small(sampleRate / hop)} positions a second, ${layers} layers of ${codebookSize} codes, ` +
      `which makes ${grouped(reached)} bits a second.`,
  };
}

/** The strides whose product is nearest. */
function stridesFor(hop: number): number[] {
  const off = (strides: readonly number[]) => Math.abs(Math.log(productOf(strides) / hop));
  const nearest = ladders.reduce((best, strides) => (off(strides) < off(best) ? strides : best));
  return [...nearest];
}

const productOf = (strides: readonly number[]) => strides.reduce((hop, stride) => hop * stride, 1);
