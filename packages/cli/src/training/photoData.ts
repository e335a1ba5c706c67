import { basename, relative, sep } from "node:path";
import { numpy as np } from "@jax-js/jax";
import { hostRandom, type Images, toFloats } from "vector-quantize/data";
import { Failure } from "../failure.ts";
import { inParallel, openPhotos, type Photos } from "../input/photos.ts";
import { amount } from "../output/words.ts";
import { cropStream } from "./cropStream.ts";
import { cutOut } from "./crops.ts";
import { mostJudged, type PictureData } from "./data.ts";
import { mixed } from "./pieceStream.ts";
import type { Settings } from "./settings.ts";

const channels = 3;
/** Side of the crops, unless the user chooses another or the pictures are smaller. */
const usualCrop = 64;
/** Most crops of each visit to a picture: decoding takes long. */
const mostCrops = 16;
/** Most crops to judge by, of pictures that are decoded for it. */
const mostJudgedOfFiles = 1024;
/** Most bytes of the crops that are mixed. */
const mostBytes = 2 ** 26;
/** Pictures to judge by that are decoded at once. */
const atOnce = 8;

/**
 * Files at their full size, in random crops, turned left to right at random. They are decoded when it
 * is their turn, while steps are computed.
 *
 * @param skip told of files that can't be decoded; without it they are an error
 */
export async function photoData(
  paths: readonly string[],
  settings: Settings,
  skip: ((error: Error) => void) | undefined,
): Promise<PictureData> {
  const { size, patch, flip } = settings;
  let crop = settings.crop;
  const photos = await openPhotos(paths, {
    channels,
    fit(sizes) {
      const sides = sizes.map(({ width, height }) => Math.min(width, height));
      if (crop === 0) crop = size || fittingCrop(sides, patch);
      if (size > 0 && size < crop) {
        throw new Failure(`--crop ${crop}: expected at most --size ${size}`);
      }
      return size > 0 ? { fit: "cover", side: size } : { fit: "outside", side: crop };
    },
    ...(skip && { skip }),
  });
  const perVisit = cropsPerVisit(photos, crop);
  const nameOf = (path: string) =>
    relative(settings.data, path).split(sep).join("/") || basename(path);
  return {
    count: photos.count,
    size: { height: crop, width: crop, channels },
    words: wordsOf(photos, crop),
    chosen: { crop },
    inPieces: true,
    mostJudged: Math.ceil((photos.kept ? mostJudged : mostJudgedOfFiles) / perVisit),
    batches(items, batch, seed, { from, to } = { from: 0, to: batch }) {
      const crops = cropStream(photos, { items, crop, perVisit, flip, seed, channels });
      return async (step) => {
        const count = to - from;
        const pixels = new Uint8Array(count * crop * crop * channels);
        for (let i = 0; i < count; i++) await crops.copy(step * batch + from + i, pixels, i);
        crops.ahead(step * batch + batch);
        const images = { count, height: crop, width: crop, channels, pixels };
        const floats = toFloats(
          images,
          Uint32Array.from({ length: count }, (_, i) => i),
        );
        return np.array(floats, { shape: [count, crop, crop, channels] });
      };
    },
    images: (items) => judgedCrops(photos, items, { crop, perVisit, seed: settings.seed }),
    async picture(item) {
      const picture = await photos.decode(item);
      return picture && { ...picture, channels, name: nameOf(photos.paths[item] as string) };
    },
  };
}

/** The largest crop that at least half of the pictures hold, up to the usual. */
function fittingCrop(sides: readonly number[], patch: number): number {
  const middle = [...sides].sort((a, b) => a - b)[sides.length >> 1] as number;
  return Math.max(patch, Math.floor(Math.min(usualCrop, middle) / patch) * patch);
}

/** How many crops are taken when a picture is decoded: about half of what covers it. */
function cropsPerVisit({ sizes }: Photos, crop: number): number {
  const pixels = sizes.reduce((sum, { width, height }) => sum + width * height, 0) / sizes.length;
  const most = Math.min(mostCrops, Math.floor(mostBytes / (mixed * crop ** 2 * channels)));
  return Math.max(1, Math.min(most, Math.floor(pixels / crop ** 2 / 2)));
}

function wordsOf({ count, sizes }: Photos, crop: number): string {
  const words = sizes.map(({ width, height }) => `${width} x ${height}`);
  const kinds = new Set(words).size;
  const square = `${crop} x ${crop}`;
  if (kinds === 1 && words[0] === square) return `${amount(count, "image")} of ${square}`;
  const of = kinds === 1 ? words[0] : `${kinds} sizes`;
  return `${amount(count, "image")} of ${of}, in crops of ${square}`;
}

/** Crops of some pictures, the same at every call, and as many of each. */
async function judgedCrops(
  photos: Photos,
  items: Uint32Array,
  { crop, perVisit, seed }: { crop: number; perVisit: number; seed: number },
): Promise<Images> {
  const bytes = crop * crop * channels;
  const cut = await inParallel([...items], atOnce, async (item) => {
    const picture = await photos.decode(item);
    if (picture === undefined) return undefined;
    const { width, height, pixels } = picture;
    const squares = new Uint8Array(perVisit * bytes);
    const random = hostRandom(seed, item);
    for (let i = 0; i < perVisit; i++) {
      const corner = [random.below(height - crop + 1), random.below(width - crop + 1)] as const;
      cutOut(squares, i, { width, channels, pixels }, { side: crop, corner, flip: false });
    }
    return squares;
  });
  const present = cut.filter((squares) => squares !== undefined);
  const pixels = new Uint8Array(present.length * perVisit * bytes);
  for (const [i, squares] of present.entries()) pixels.set(squares, i * perVisit * bytes);
  return { count: present.length * perVisit, height: crop, width: crop, channels, pixels };
}
