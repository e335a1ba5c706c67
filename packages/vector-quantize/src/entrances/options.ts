/**
 * What quantizers there are and what they take, in words.
 *
 * @module vector-quantize/options
 */
import "../pageThreads.ts";

export {
  describeQuantizer,
  type OptionDescription,
  type QuantizerDescription,
  quantizerTypes,
} from "../describe/quantizers.ts";
export { didYouMean } from "../didYouMean.ts";
