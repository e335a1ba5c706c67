import type { Images } from "vector-quantize/data";
import type { TrainingData } from "./data.ts";

/** The images that a run is judged by: those held back, or where there are none, its own. */
export function judgedImages(
  data: TrainingData,
  items: Uint32Array,
  validation: Uint32Array,
): Promise<Images> {
  return data.images((validation.length > 0 ? validation : items).subarray(0, data.mostJudged));
}
