import { openCheckpoint, rebuild } from "../checkpoint/checkpoint.ts";
import { checkKnownOptions, expected } from "../errors.ts";
import type { QuantizerConfig } from "../quantizers/contract.ts";
import { quantizerFromConfig, type UserObjects } from "../quantizers/registry.ts";
import { isRecord } from "../tree.ts";
import { createCodec, type QuantizerCodec } from "./createCodec.ts";

/** Options of `codecFromBytes`. */
export interface CodecFromBytesOptions {
  /** What errors call the bytes: usually a file's name. Default "codec". */
  readonly file?: string;
  /** The user's own objects that the configuration names, if any. */
  readonly objects?: UserObjects;
}

/**
 * A codec from what `toBytes` made of one, in a worker, say:
 *
 * ```ts
 * const bytes = await createCodec(quantizer, variables).toBytes();
 * const codec = codecFromBytes(bytes); // behind worker.postMessage(bytes, [bytes.buffer])
 * ```
 *
 * It knows all quantizers, so a page loads all of them with it.
 *
 * @throws VectorQuantizeError if the bytes are damaged, or not of a codec
 */
export function codecFromBytes(
  bytes: Uint8Array,
  options: CodecFromBytesOptions = {},
): QuantizerCodec {
  if (!isRecord(options)) throw expected("codecFromBytes: options", "an object", options);
  checkKnownOptions("codecFromBytes", options, ["file", "objects"]);
  const { file = "codec", objects }: CodecFromBytesOptions = options;
  const checkpoint = openCheckpoint(bytes, "quantizer", file);
  const config = checkpoint.json("config") as QuantizerConfig;
  const quantizer = rebuild(file, () => quantizerFromConfig(config, objects));
  return createCodec(
    quantizer,
    checkpoint.restore((key) => quantizer.init(key)),
  );
}
