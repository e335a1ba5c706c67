import sharp, { type Sharp } from "sharp";
import { type Distortion, type DistortionMeter, distortionMeter } from "./distortion.ts";
import type { Pixels } from "./ssim.ts";

/** Picture formats to compare with. */
export const formats = ["jpeg", "webp", "avif"] as const;
export type Format = (typeof formats)[number];

/** What a format makes of the pictures at one of its settings. */
export interface RatePoint extends Distortion {
  readonly format: Format;
  readonly quality: number;
  readonly bytes: number;
  readonly bitsPerPixel: number;
}

/** Of 100, as sharp has them; all else is sharp's default. */
export const qualities = [1, 10, 25, 50, 75, 90];

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

export function formatMeter(chosen: readonly Format[]): FormatMeter {
  const runs = chosen.flatMap((format) =>
    qualities.map((quality) => ({ format, quality, bytes: 0, meter: distortionMeter() })),
  );
  let pixels = 0;
  return {
    async add(original) {
      pixels += original.height * original.width;
      for (const run of runs) run.bytes += await measure(original, run);
    },
    points: () =>
      runs.map(({ format, quality, bytes, meter }) => ({
        ...{ format, quality, bytes, bitsPerPixel: (8 * bytes) / pixels },
        ...meter.result(),
      })),
  };
}

async function measure(
  original: Pixels,
  { format, quality, meter }: { format: Format; quality: number; meter: DistortionMeter },
): Promise<number> {
  const { height, width, channels, pixels } = original;
  const raw = { height, width, channels: channels as 1 | 3 };
  const file = await encoders[format](sharp(pixels, { raw }), quality).toBuffer();
  const decoded = await sharp(file)
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .raw()
    .toBuffer();
  meter.add(original, { ...original, pixels: decoded });
  return file.length;
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
