import sharp, { type Sharp } from "sharp";
import { psnr } from "vector-quantize";
import {
  type Pixels,
  type Similarity,
  type SimilarityMeter,
  similarityMeter,
  squaredErrors,
} from "./similarity.ts";

/** Picture formats to compare with. */
export const formats = ["jpeg", "webp", "avif"] as const;
export type Format = (typeof formats)[number];

/** What a format makes of the pictures at one of its settings. */
export interface RatePoint extends Similarity {
  readonly format: Format;
  readonly quality: number;
  readonly bytes: number;
  readonly bitsPerPixel: number;
  readonly psnr: number;
}

/** Of 100, as sharp has them, from the smallest on; all else is sharp's default. */
export const qualities = [1, 10, 25, 50, 75, 90];
/** So many of them are measured in any case, and all where the first picture has fewer pixels. */
const fewest = 3;
const manyPixels = 2 ** 16;

const encoders: Record<Format, (image: Sharp, quality: number) => Sharp> = {
  jpeg: (image, quality) => image.jpeg({ quality }),
  webp: (image, quality) => image.webp({ quality }),
  avif: (image, quality) => image.avif({ quality }),
};

/** Takes pictures through formats at several settings, and measures them as a model's are. */
export interface FormatMeter {
  add(original: Pixels): Promise<void>;
  points(): RatePoint[];
}

interface Setting {
  readonly format: Format;
  readonly quality: number;
  bytes: number;
  squares: number;
  readonly similar: SimilarityMeter;
}

/**
 * @param enough bits a pixel: a format's qualities end with the first at which the first picture takes as
 *   many. High ones of AVIF take seconds a photo.
 */
export function formatMeter(chosen: readonly Format[], enough: number): FormatMeter {
  let settings: Setting[] | undefined;
  let [pixels, values] = [0, 0];
  return {
    async add(original) {
      pixels += original.height * original.width;
      values += original.pixels.length;
      if (settings) await Promise.all(settings.map((setting) => measure(original, setting)));
      else {
        const bytes = pixels < manyPixels ? Number.POSITIVE_INFINITY : (enough * pixels) / 8;
        const found = chosen.map((format) => settingsOf(format, original, bytes));
        settings = (await Promise.all(found)).flat();
      }
    },
    points: () =>
      (settings ?? []).map(({ format, quality, bytes, squares, similar }) => ({
        ...{ format, quality, bytes, bitsPerPixel: (8 * bytes) / pixels },
        psnr: psnr(squares / values, 255),
        ...similar.means(),
      })),
  };
}

/** The settings of a format up to so many bytes for a picture, which is measured with them. */
async function settingsOf(format: Format, original: Pixels, bytes: number): Promise<Setting[]> {
  const settings: Setting[] = [];
  for (const quality of qualities) {
    const setting = { format, quality, bytes: 0, squares: 0, similar: similarityMeter() };
    settings.push(setting);
    await measure(original, setting);
    if (setting.bytes >= bytes && settings.length >= fewest) break;
  }
  return settings;
}

async function measure(original: Pixels, setting: Setting): Promise<void> {
  const { height, width, channels, pixels } = original;
  const raw = { height, width, channels: channels as 1 | 3 };
  const file = await encoders[setting.format](sharp(pixels, { raw }), setting.quality).toBuffer();
  const decoded = await sharp(file)
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .raw()
    .toBuffer();
  setting.bytes += file.length;
  setting.squares += squaredErrors(pixels, decoded);
  setting.similar.add(original, { ...original, pixels: decoded });
}

/**
 * A format's PSNR at so many bits a pixel: between its two nearest settings along the logarithm of the
 * bits. Undefined beyond them.
 */
export function psnrAt(
  points: readonly Pick<RatePoint, "bitsPerPixel" | "psnr">[],
  bitsPerPixel: number,
): number | undefined {
  const sorted = [...points].sort((a, b) => a.bitsPerPixel - b.bitsPerPixel);
  const next = sorted.findIndex((point) => point.bitsPerPixel >= bitsPerPixel);
  const [below, above] = [sorted[next - 1], sorted[next]];
  if (above?.bitsPerPixel === bitsPerPixel) return above.psnr;
  if (below === undefined || above === undefined) return undefined;
  const share =
    Math.log(bitsPerPixel / below.bitsPerPixel) / Math.log(above.bitsPerPixel / below.bitsPerPixel);
  return below.psnr + share * (above.psnr - below.psnr);
}
