/** `vector-quantize/options`: what quantizers there are and what they take, in words. */
import "../pageThreads.ts";

export {
  describeQuantizer,
  type OptionDescription,
  type QuantizerDescription,
  quantizerTypes,
} from "../describe/quantizers.ts";
export { didYouMean } from "../didYouMean.ts";
