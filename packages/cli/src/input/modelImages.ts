import type { Images } from "vector-quantize/data";
import type { ModelFile } from "../codec/modelFile.ts";
import { Failure } from "../failure.ts";
import { checkSides, loadImages } from "./images.ts";

/** Options that choose images for a trained model. */
export interface ImageOptions {
  /** Size for image files; default: the size that the model was trained on. */
  readonly size?: number;
  /** How many images of the built-in set. */
  readonly images: number;
  readonly seed: number;
}

/** Far from the seeds that people choose, so that training never saw these shapes. */
const apart = 2 ** 40;

/** Images that a model can take. Throws one line if their channels are not the model's. */
export async function imagesFor(
  model: ModelFile,
  source: string,
  { size, images: count, seed }: ImageOptions,
): Promise<Images> {
  const { height, channels } = model.images;
  const images = await loadImages(source, {
    size: size ?? height,
    channels: channels === 1 ? 1 : 3,
    shapes: { count, seed: apart + seed },
  });
  if (images.channels !== channels) {
    throw new Failure(
      `${source}: expected images of ${channels} channel(s), as ${model.path} was trained on, got ${images.channels}`,
    );
  }
  checkSides(source, images, model.patch);
  return images;
}
