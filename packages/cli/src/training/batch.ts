import { numpy as np } from "@jax-js/jax";
import { type Batches, type Images, toFloats } from "vector-quantize/data";

/** Makes the batch of each step: floats in [-1, 1], `[B, H, W, C]`. */
export function batchMaker(images: Images, batches: Batches): (step: number) => np.Array {
  const { height, width, channels } = images;
  return (step) => {
    const items = batches.at(step);
    return np.array(toFloats(images, items), { shape: [items.length, height, width, channels] });
  };
}
