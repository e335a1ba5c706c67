import { numpy as np } from "@jax-js/jax";
import { hostRandom, type Images, shuffledBatches, toFloats } from "vector-quantize/data";
import { Failure } from "../failure.ts";
import { amount } from "../output/words.ts";
import { cutOut } from "./crops.ts";
import { mostJudged, type PictureData } from "./data.ts";
import type { Settings } from "./settings.ts";

/** Pictures of one size that lie in memory: whole, or in crops if the user wants some. */
export function arrayData(all: Images, { data, crop }: Settings): PictureData {
  const { count, height, width, channels } = all;
  if (crop > Math.min(height, width)) {
    throw new Failure(
      `--crop ${crop}: expected at most ${Math.min(height, width)}, the side of the images in ${data}`,
    );
  }
  const size = crop === 0 ? { height, width, channels } : { height: crop, width: crop, channels };
  const length = height * width * channels;
  /** Floats of some images: whole, or of each the square that begins at a row and column. */
  const floats = (items: Uint32Array, corner: (at: number) => readonly [number, number]) => {
    const whole = toFloats(all, items);
    if (crop === 0) return whole;
    const cut = new Float32Array(items.length * crop * crop * channels);
    for (let i = 0; i < items.length; i++) {
      const pixels = whole.subarray(i * length, (i + 1) * length);
      cutOut(cut, i, { width, pixels, channels }, { side: crop, corner: corner(i), flip: false });
    }
    return cut;
  };
  return {
    ...{ count, size, chosen: { crop }, inPieces: crop > 0, mostJudged },
    words: `${amount(count, "image")} of ${width} x ${height}${crop === 0 ? "" : `, in crops of ${crop} x ${crop}`}`,
    batches(items, batch, seed, { from, to } = { from: 0, to: batch }) {
      const batches = shuffledBatches(items, batch, seed);
      return async (step) => {
        const random = hostRandom(seed, step, 0);
        const corner = () =>
          [random.below(height - crop + 1), random.below(width - crop + 1)] as const;
        if (crop > 0) for (let i = 0; i < from; i++) corner(); // those of the rows before
        const x = floats(batches.at(step).subarray(from, to), corner);
        return np.array(x, { shape: [to - from, size.height, size.width, channels] });
      };
    },
    async picture(item) {
      const own = all.pixels.subarray(item * length, (item + 1) * length);
      return { height, width, channels, pixels: own, name: `image ${item}` };
    },
    async images(items) {
      const { pixels } = all;
      const bytes = size.height * size.width * channels;
      const chosen = pixels.slice(0, items.length * bytes);
      const middle =
        crop === 0 ? ([0, 0] as const) : ([(height - crop) >> 1, (width - crop) >> 1] as const);
      items.forEach((item, i) => {
        const picture = pixels.subarray(item * length, (item + 1) * length);
        if (crop === 0) chosen.set(picture, i * length);
        else
          cutOut(
            chosen,
            i,
            { width, pixels: picture, channels },
            { side: crop, corner: middle, flip: false },
          );
      });
      return { ...size, count: items.length, pixels: chosen };
    },
  };
}
