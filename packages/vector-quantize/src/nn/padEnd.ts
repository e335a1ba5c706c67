import { numpy as np } from "@jax-js/jax";
import { integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { checkSeries } from "./images.ts";
import { type Layer, type NoParams, noParameters } from "./layer.ts";
import { itsOwnPixel } from "./reach.ts";

/** Options of `padEnd`. */
export class PadEndOptions {
  /** What the length becomes a multiple of. */
  readonly multiple: number = integer();
}

const table = optionTable<PadEndOptions>("padEnd", [PadEndOptions]);

/**
 * Series `[B, T, C]` with zeros behind, up to the next length that is a multiple of `multiple`.
 *
 * As the first layer of a model it makes any length fit: the model's output is then cut to the length of
 * its input again.
 *
 * @throws VectorQuantizeError for an input that is no series
 */
export function padEnd(given: PadEndOptions): Layer<NoParams> {
  const { options, config } = table.read(given);
  const lengthened = ([batch, length, channels]: readonly number[]) => [
    batch as number,
    Math.ceil((length as number) / options.multiple) * options.multiple,
    channels as number,
  ];
  return {
    config,
    reach: itsOwnPixel, // of pieces that need no more zeros
    init: noParameters,
    apply(_params, x) {
      checkSeries("padEnd", x.shape);
      const more = (lengthened(x.shape)[1] as number) - (x.shape[1] as number);
      return more === 0 ? x : np.pad(x, [[0, 0], [0, more], [0, 0]]); // biome-ignore format: one axis a pair
    },
    work(shape) {
      checkSeries("padEnd", shape);
      return { kind: "seriesLength", inputShape: shape, outputShape: lengthened(shape) };
    },
  };
}

/** What the length of a model's input is padded to a multiple of, by its first layer; 1 without it. */
export function multipleOf([first]: readonly Layer[]): number {
  return first?.config.type === "padEnd" ? (first.config.multiple as number) : 1;
}
