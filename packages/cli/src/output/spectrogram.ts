import sharp from "sharp";
import { frameSize, spectraOf } from "../measure/sound/spectrum.ts";
import { encodePng } from "./pictures.ts";

/** A spectrogram as a picture: time to the right, frequencies up, PNG. */
export interface Spectrogram {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** What is so many decibels below the loudest is black. */
const range = 70;
/** Most pixels of a picture. */
const mostWidth = 600;
const mostHeight = 128;
/** From silent to loud, in equal steps: as matplotlib's "magma". */
const colours = [
  [0, 0, 4],
  [28, 16, 68],
  [79, 18, 123],
  [129, 37, 129],
  [181, 54, 122],
  [229, 80, 100],
  [251, 135, 97],
  [254, 194, 135],
  [252, 253, 191],
] as const;

/** Spectrograms of sounds of one length, all with the colours that the first one's levels have. */
export async function spectrograms(
  sounds: readonly Float32Array[],
  sampleRate: number,
): Promise<Spectrogram[]> {
  const size = frameSize(sampleRate);
  let loudest: number | undefined;
  const made: Spectrogram[] = [];
  for (const samples of sounds) {
    const { frames, bins, magnitudes } = spectraOf(samples, size);
    loudest ??= magnitudes.reduce((most, value) => Math.max(most, value), 1e-9);
    const [width, height] = [Math.min(frames, mostWidth), Math.min(bins, mostHeight)];
    const edge = (i: number, parts: number, all: number) => Math.floor((i * all) / parts);
    const pixels = new Uint8Array(width * height * 3);
    for (let y = 0; y < height; y++) {
      const row = height - 1 - y;
      const within = [edge(row, height, bins), edge(row + 1, height, bins)] as const;
      for (let x = 0; x < width; x++) {
        const span = [edge(x, width, frames), edge(x + 1, width, frames)] as const;
        const level = loudestOf(magnitudes, bins, span, within) / loudest;
        const share = 1 + (20 * Math.log10(level + 1e-12)) / range;
        pixels.set(colourOf(Math.max(0, Math.min(1, share))), (y * width + x) * 3);
      }
    }
    made.push({ png: await encodePng(pixels, { width, height, channels: 3 }), width, height });
  }
  return made;
}

type Span = readonly [from: number, to: number];

function loudestOf(magnitudes: Float64Array, bins: number, frames: Span, within: Span): number {
  let most = 0;
  for (let frame = frames[0]; frame < frames[1]; frame++) {
    for (let bin = within[0]; bin < within[1]; bin++) {
      most = Math.max(most, magnitudes[frame * bins + bin] as number);
    }
  }
  return most;
}

function colourOf(share: number): number[] {
  const place = share * (colours.length - 1);
  const below = Math.min(colours.length - 2, Math.floor(place));
  const [a, b] = [colours[below] as readonly number[], colours[below + 1] as readonly number[]];
  return a.map((value, i) => Math.round(value + (place - below) * ((b[i] as number) - value)));
}

/** Pairs on the sheet, and how they stand on it. */
const mostPairs = 24;
const columns = 6;
const tile = { width: 160, height: 80 };
const gap = 4;

/** Spectrograms of sounds, each over that of its reconstruction, as one PNG. */
export async function spectrogramSheet(
  pairs: readonly { readonly samples: Float32Array; readonly made: Float32Array }[],
  sampleRate: number,
): Promise<Uint8Array> {
  const shown = pairs.slice(0, mostPairs);
  const across = Math.min(columns, shown.length);
  const pairHeight = 2 * tile.height + 2 * gap;
  const tiles: { input: Buffer; left: number; top: number }[] = [];
  for (const [i, { samples, made }] of shown.entries()) {
    const both = await spectrograms([samples, made], sampleRate);
    for (const [half, { png }] of both.entries()) {
      tiles.push({
        input: await sharp(png).resize(tile.width, tile.height, { fit: "fill" }).png().toBuffer(),
        left: gap + (i % across) * (tile.width + gap),
        top: gap + Math.floor(i / across) * pairHeight + half * tile.height,
      });
    }
  }
  const width = gap + across * (tile.width + gap);
  const height = gap + Math.ceil(shown.length / across) * pairHeight;
  return sharp({ create: { width, height, channels: 3, background: "white" } })
    .composite(tiles)
    .png()
    .toBuffer();
}
