import type { numpy as np } from "@jax-js/jax";
import type { Images } from "vector-quantize/data";
import type { NamedPicture } from "../codec/pictures.ts";
import type { SoundSize } from "../input/sound/soundFiles.ts";
import type { PictureSize } from "../output/pictures.ts";
import type { Settings } from "./settings.ts";

/** Rows of a batch. */
export interface Rows {
  readonly from: number;
  readonly to: number;
}

/** What a run is trained on. */
export interface TrainingData {
  /** How many pictures, or pieces of sounds, there are. */
  readonly count: number;
  /** Of what the model gets to see. */
  readonly size: PictureSize | SoundSize;
  /** What it is, in words. */
  readonly words: string;
  /** Settings that it was found to need: the side of the crops, or the rate of the sounds. */
  readonly chosen: Partial<Settings>;
  /** Whether more than one piece can be had of an item. */
  readonly inPieces: boolean;
  /**
   * The batch of any step, in [-1, 1]: the same for the same items and seed.
   *
   * @param part the rows of each batch that are wanted. Default: all
   */
  batches(
    items: Uint32Array,
    batch: number,
    seed: number,
    part?: Rows,
  ): (step: number) => Promise<np.Array>;
}

/** Pictures, whose batches are `[batch, H, W, C]`. */
export interface PictureData extends TrainingData {
  readonly size: PictureSize;
  /** Most pictures that a run is judged by. */
  readonly mostJudged: number;
  /** These pictures to judge by: whole, or in crops that are the same at every call. */
  images(items: Uint32Array): Promise<Images>;
  /** One picture at its full size; undefined for a file that can't be read and is left out. */
  picture(item: number): Promise<NamedPicture | undefined>;
}

/** Most pictures that a run is judged by, of those in memory. */
export const mostJudged = 2048;
