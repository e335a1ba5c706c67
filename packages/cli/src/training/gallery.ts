import { psnr } from "vector-quantize";
import type { PictureModel } from "../codec/modelFile.ts";
import { createPictureCodec, type DecodedPicture, inBytes } from "../codec/pictures.ts";
import { squaredErrors } from "../measure/similarity.ts";
import { encodeWebp } from "../output/pictures.ts";
import type { Comparison } from "../report/gallery.ts";
import type { PictureData } from "./data.ts";

/** Most pictures, and most pixels of all of them but for the last. */
const mostPictures = 24;
const mostPixels = 3 * 2 ** 19;
/** Of a larger picture the middle is shown, so many pixels a side. */
const mostSide = 1024;

/** Pictures at their full size, and what a model makes of them. */
export async function galleryOf(
  model: PictureModel,
  data: PictureData,
  items: Uint32Array,
): Promise<Comparison[]> {
  const codec = createPictureCodec(model);
  const comparisons: Comparison[] = [];
  let pixels = 0;
  for (const item of items) {
    if (comparisons.length === mostPictures || pixels >= mostPixels) break;
    const found = await data.picture(item);
    if (found === undefined) continue;
    const whole = inBytes(found);
    const shown = middleOf(whole);
    const [made] = await codec.remake([shown], await codec.encode([shown]));
    const errors = squaredErrors(shown.pixels, made!.pixels) / shown.pixels.length;
    const { name = "", width, height } = shown;
    comparisons.push({
      ...{ name, width, height, psnr: psnr(errors, 255) },
      of: { width: whole.width, height: whole.height },
      original: await encodeWebp(shown.pixels, shown),
      reconstruction: await encodeWebp(made!.pixels, shown),
    });
    pixels += width * height;
  }
  return comparisons;
}

function middleOf(picture: DecodedPicture): DecodedPicture {
  const { width, height, channels, pixels } = picture;
  if (Math.max(width, height) <= mostSide) return picture;
  const size = { width: Math.min(width, mostSide), height: Math.min(height, mostSide) };
  const [top, left] = [(height - size.height) >> 1, (width - size.width) >> 1];
  const cut = new Uint8Array(size.width * size.height * channels);
  for (let row = 0; row < size.height; row++) {
    const from = ((top + row) * width + left) * channels;
    cut.set(pixels.subarray(from, from + size.width * channels), row * size.width * channels);
  }
  return { ...picture, ...size, pixels: cut };
}
