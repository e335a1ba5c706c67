import type { numpy as np } from "@jax-js/jax";
import { checkChoice, expected } from "../../errors.ts";
import type { Quantizer } from "../../quantizers/contract.ts";
import { checkVariablesOf } from "../../quantizers/guard.ts";
import type { MultiscaleVQuantizer } from "../../quantizers/multiscaleVQ.ts";
import type { ResidualQuantizer } from "../../quantizers/residual.ts";
import type { SummedQuantizer } from "../../quantizers/summedQuantizer.ts";
import { isRecord, owns, release } from "../../tree.ts";
import type { CodecReader } from "./codecReader.ts";
import { dac } from "./dac.ts";
import { encodec } from "./encodec.ts";
import { mimi } from "./mimi.ts";
import { readerOf } from "./reader.ts";
import { snac } from "./snac.ts";

/** The quantizers of known codecs. */
export interface PretrainedQuantizers {
  /** Descript's audio codec: codes `[..., Q]`. */
  readonly dac: ResidualQuantizer;
  /** EnCodec: codes `[..., Q]`. */
  readonly encodec: ResidualQuantizer;
  /** Mimi: codes `[..., Q]`, the semantic ones before the acoustic ones. */
  readonly mimi: SummedQuantizer;
  /** SNAC: codes `[B, P]` of `[B, T, D]`, scale after scale. */
  readonly snac: MultiscaleVQuantizer;
}

const codecs: {
  readonly [Name in keyof PretrainedQuantizers]: CodecReader<PretrainedQuantizers[Name]>;
} = { dac, encodec, mimi, snac };

/**
 * The quantizer of a known codec, from the file of its model.
 *
 * ```ts
 * const { tensors } = readSafetensors(bytes); // model.safetensors of descript/dac_24khz, say
 * const { quantizer, variables } = fromPretrained("dac", tensors);
 * const codec = createCodec(quantizer, variables);
 * ```
 *
 * The names are those of Hugging Face's `transformers` for DAC, EnCodec and Mimi, and of the `snac`
 * package; weight norm is merged. The tensors of the encoder and the decoder are passed over. Latents are
 * channels last here, `[B, T, D]`, where PyTorch has `[B, D, T]`, and codes `[B, T, Q]` where
 * `transformers` has `[B, Q, T]`.
 *
 * @param name which codec
 * @param tensors all tensors of the model; ownership is taken
 * @param config the model's `config.json`; SNAC's strides stand there alone, for the others it is
 *   compared with the tensors
 * @throws VectorQuantizeError for another codec, for tensors of the quantizer that are missing, left over
 *   or of another shape, and for a configuration that says something else, before anything is made
 */
export function fromPretrained<Name extends keyof PretrainedQuantizers>(
  name: Name,
  tensors: Record<string, np.Array>,
  config: Readonly<Record<string, unknown>> = {},
): {
  quantizer: PretrainedQuantizers[Name];
  variables: ReturnType<PretrainedQuantizers[Name]["init"]>;
} {
  const made: np.Array[] = [];
  using _ = owns(tensors, made);
  checkChoice("fromPretrained: name", name, Object.keys(codecs) as Name[]);
  return pretrainedQuantizer(`fromPretrained ${name}`, name, tensors, { config, made });
}

/**
 * The same for one who owns the tensors.
 *
 * @param made gets what is made on the way, for its owner to give up
 */
export function pretrainedQuantizer<Name extends keyof PretrainedQuantizers>(
  where: string,
  name: Name,
  tensors: Record<string, np.Array>,
  {
    config,
    made,
  }: { readonly config: Readonly<Record<string, unknown>>; readonly made: np.Array[] },
): {
  quantizer: PretrainedQuantizers[Name];
  variables: ReturnType<PretrainedQuantizers[Name]["init"]>;
} {
  if (!isRecord(config)) throw expected(`${where}: config`, "the object of config.json", config);
  const { quantizer, variables } = codecs[name](where, readerOf(where, tensors, made), config);
  try {
    checkVariablesOf(where, quantizer as unknown as Quantizer, variables);
  } catch (error) {
    release(variables);
    throw error;
  }
  return { quantizer, variables: variables as ReturnType<PretrainedQuantizers[Name]["init"]> };
}
