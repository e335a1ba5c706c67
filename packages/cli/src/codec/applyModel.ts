import { numpy as np, tree } from "@jax-js/jax";
import { type Images, toFloats } from "vector-quantize/data";
import { type Codec, clipped, type DecodedBatch, encodeBatchSize } from "./codec.ts";

/**
 * Reconstructions without codes, for a quantizer that has none: what the model makes of the images
 * itself.
 */
export async function* applyModel(
  { model, variables }: Codec,
  images: Images,
): AsyncGenerator<DecodedBatch> {
  const { count: total, height, width, channels } = images;
  const size = encodeBatchSize(images);
  for (let first = 0; first < total; first += size) {
    const count = Math.min(size, total - first);
    const numbers = Uint32Array.from({ length: count }, (_, i) => first + i);
    const x = np.array(toFloats(images, numbers), { shape: [count, height, width, channels] });
    const { output, ...rest } = model.apply(tree.ref(variables as never), x);
    tree.dispose(rest as never);
    const floats = ((await output.data()) as Float32Array).map(clipped);
    yield { first, count, height, width, channels, floats };
  }
}
