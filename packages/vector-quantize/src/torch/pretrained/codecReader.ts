import type { Variables } from "../../quantizers/contract.ts";
import type { Reader } from "./reader.ts";

/**
 * Makes a codec's quantizer of its tensors, whose references stay the reader's. Throws before it makes
 * an array.
 *
 * @param config the model's `config.json`, `{}` if it isn't known
 */
export type CodecReader<Q> = (
  where: string,
  reader: Reader,
  config: Readonly<Record<string, unknown>>,
) => { quantizer: Q; variables: Variables };
