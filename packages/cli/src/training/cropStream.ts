import { hostRandom } from "vector-quantize/data";
import type { Photos } from "../input/photos.ts";
import { cutOut } from "./crops.ts";
import { type PieceStream, pieceStream } from "./pieceStream.ts";

export interface CropStreamOptions {
  readonly items: Uint32Array;
  readonly crop: number;
  readonly perVisit: number;
  readonly flip: boolean;
  readonly seed: number;
  readonly channels: number;
}

/** Random squares of pictures. */
export function cropStream(photos: Photos, options: CropStreamOptions): PieceStream<Uint8Array> {
  const { items, crop, perVisit, flip, seed, channels } = options;
  return pieceStream({
    ...{ items, perVisit, seed, one: "image", length: crop * crop * channels },
    allocate: (length) => new Uint8Array(length),
    async visit(item, block, places, squares) {
      const picture = await photos.decode(item);
      if (picture === undefined) return false;
      const { width, height, pixels } = picture;
      for (const place of places) {
        const random = hostRandom(seed, block, place);
        const corner = [random.below(height - crop + 1), random.below(width - crop + 1)] as const;
        const turned = flip && random.uniform() < 0.5;
        const square = { side: crop, corner, flip: turned };
        cutOut(squares, place, { width, channels, pixels }, square);
      }
      return true;
    },
  });
}
