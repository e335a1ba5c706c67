import { hostRandom, shuffledBatches } from "vector-quantize/data";
import { Failure } from "../failure.ts";
import type { Picture } from "../input/imageFiles.ts";
import { inParallel, type Photos } from "../input/photos.ts";
import { cutOut } from "./crops.ts";

/** Pictures whose crops are mixed. */
export const mixed = 64;

/** Random squares of pictures, one after another. */
export interface CropStream {
  /** Copies crop `number` of the stream to place `at` among squares. */
  copy(number: number, squares: Uint8Array, at: number): Promise<void>;
  /** Begins to decode what comes after crop `number`. */
  ahead(number: number): void;
}

export interface CropStreamOptions {
  readonly items: Uint32Array;
  readonly crop: number;
  readonly perVisit: number;
  readonly flip: boolean;
  readonly seed: number;
  readonly channels: number;
}

/**
 * Crops in an order that follows the seed alone. Blocks of pictures follow one another, each picture
 * once an epoch; of each come some crops, and those of a block are mixed.
 */
export function cropStream(photos: Photos, options: CropStreamOptions): CropStream {
  const { items, crop, perVisit, flip, seed, channels } = options;
  const pictures = Math.min(mixed, items.length);
  const length = pictures * perVisit;
  const blocks = shuffledBatches(items, pictures, seed);
  const orders = shuffledBatches(
    Uint32Array.from({ length }, (_, i) => i),
    length,
    seed + 1,
  );
  const bytes = crop * crop * channels;
  const loaded = new Map<number, Promise<Uint8Array>>();

  async function load(block: number): Promise<Uint8Array> {
    const squares = new Uint8Array(length * bytes);
    const decoded = [...blocks.at(block)].map((item) => photos.decode(item));
    const failed = await inParallel(decoded, pictures, async (decoding, at) => {
      const picture = await decoding;
      if (picture) take(picture, block, at);
      return picture === undefined;
    });
    // In the place of a picture that can't be read stands the next one of the block that can.
    for (const [at, missing] of failed.entries()) {
      if (!missing) continue;
      const next = failed.findIndex((each, i) => !each && i > at);
      const other = next === -1 ? failed.indexOf(false) : next;
      if (other === -1) throw new Failure(`expected a readable image among ${pictures}, got none`);
      const size = perVisit * bytes;
      squares.copyWithin(at * size, other * size, (other + 1) * size);
    }
    return squares;

    function take({ width, height, pixels }: Picture, block: number, at: number): void {
      for (let i = at * perVisit; i < (at + 1) * perVisit; i++) {
        const random = hostRandom(seed, block, i);
        const corner = [random.below(height - crop + 1), random.below(width - crop + 1)] as const;
        const turned = flip && random.uniform() < 0.5;
        const square = { side: crop, corner, flip: turned };
        cutOut(squares, i, { width, channels, pixels }, square);
      }
    }
  }

  function begin(block: number): Promise<Uint8Array> {
    const known = loaded.get(block);
    if (known) return known;
    const loading = load(block);
    loading.catch(() => {}); // whoever asks for the block hears of it
    loaded.set(block, loading);
    return loading;
  }

  return {
    async copy(number, squares, at) {
      const block = Math.floor(number / length);
      const all = await begin(block);
      for (const other of loaded.keys())
        if (other !== block && other !== block + 1) loaded.delete(other);
      const place = orders.at(block)[number % length] as number;
      squares.set(all.subarray(place * bytes, (place + 1) * bytes), at * bytes);
    },
    ahead(number) {
      begin(Math.floor(number / length) + 1);
    },
  };
}
