/**
 * Cuts a picture into patches, makes a codebook of them by k-means, and puts the picture together from
 * codes: in a Web Worker, so that the page stays smooth. It starts threads of its own where the page is
 * cross-origin isolated.
 */
import { createSearch, kmeans } from "vector-quantize/kernels";

export interface Question {
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

export interface Answer extends Question {
  readonly codes: Int32Array;
  readonly codebookSize: number;
}

const PATCH = 4;
const CODES = 128;

/** Calls `visit` with every number of every patch: its place in the patches, and in the picture. */
function walk({ width, height }: Question, visit: (patch: number, pixel: number) => void): void {
  let at = 0;
  for (let top = 0; top < height; top += PATCH) {
    for (let left = 0; left < width; left += PATCH) {
      for (let y = top; y < top + PATCH; y++) {
        for (let x = left; x < left + PATCH; x++) {
          for (let channel = 0; channel < 3; channel++) visit(at++, 4 * (y * width + x) + channel);
        }
      }
    }
  }
}

addEventListener("message", async ({ data }: MessageEvent<Question>) => {
  const dim = PATCH * PATCH * 3;
  const patches = new Float32Array(data.width * data.height * 3);
  walk(data, (patch, pixel) => {
    patches[patch] = (data.rgba[pixel] ?? 0) / 255;
  });
  const clusters = Math.min(CODES, patches.length / dim);
  const { centroids } = await kmeans(patches, { dim, clusters, seed: 1 });
  const search = await createSearch(centroids, { dim });
  const { indices } = await search.nearest(patches);
  search.dispose();

  const rgba = new Uint8ClampedArray(data.rgba.length).fill(255);
  walk(data, (patch, pixel) => {
    const code = indices[Math.floor(patch / dim)] ?? 0;
    rgba[pixel] = 255 * (centroids[code * dim + (patch % dim)] ?? 0);
  });
  postMessage({ ...data, rgba, codes: indices, codebookSize: clusters } satisfies Answer);
});
