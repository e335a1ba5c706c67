import { type Images, shapeImages } from "vector-quantize/data";
import { type ImagesSettings, type OwnPictures, shownCount, side } from "./contract.ts";

/** What to train on, and what to look at. */
export interface PictureSets {
  readonly training: Images;
  readonly shown: Images;
}

const builtIn = 2048;
let own: OwnPictures | undefined;

/** Keeps pictures of the user's for whatever is trained from now on. */
export function keepOwn(pictures: OwnPictures): void {
  own = pictures;
}

function take({ pixels }: Images, numbers: readonly number[]): Images {
  const size = side * side * 3;
  const taken = new Uint8Array(numbers.length * size);
  for (const [i, number] of numbers.entries()) {
    taken.set(pixels.subarray(number * size, (number + 1) * size) as Uint8Array, i * size);
  }
  return { count: numbers.length, height: side, width: side, channels: 3, pixels: taken };
}

/** The pictures that the settings ask for; every so many are held back to be looked at. */
export function pictureSets({ source }: ImagesSettings): PictureSets {
  const all: Images =
    source === "own" && own && own.count > 1
      ? { ...own, height: side, width: side, channels: 3 }
      : shapeImages({ count: builtIn, size: side, seed: 3 });
  const every = Math.max(2, Math.floor(all.count / shownCount));
  const numbers = Array.from({ length: all.count }, (_, i) => i);
  const isShown = (i: number) => i % every === every - 1 && i < every * shownCount;
  return {
    training: take(
      all,
      numbers.filter((i) => !isShown(i)),
    ),
    shown: take(all, numbers.filter(isShown)),
  };
}
