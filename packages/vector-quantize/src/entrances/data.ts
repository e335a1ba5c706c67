/**
 * Batches, images, IDX and npy files, the built-in pictures.
 *
 * @module vector-quantize/data
 */
import "../pageThreads.ts";

export { type Batches, shuffledBatches, trainValidationSplit } from "../data/batches.ts";
export { type HostRandom, hostRandom } from "../data/hostRandom.ts";
export { idxBytes, parseIdx } from "../data/idx.ts";
export {
  type Images,
  imagesFromArray,
  type NumericArray,
  toBytes,
  toFloats,
} from "../data/images.ts";
export {
  type NpyArray,
  type NpyData,
  type NpyHeader,
  npyBytes,
  npyHeader,
  parseNpy,
  writeNpy,
} from "../data/npy.ts";
export { type ShapesOptions, shapeImages } from "../data/shapes.ts";
