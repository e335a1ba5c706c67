import { expected } from "../../errors.ts";
import { type MultiscaleVQuantizer, multiscaleVQ } from "../../quantizers/multiscaleVQ.ts";
import type { CodecReader } from "./codecReader.ts";
import { factorizedLayers } from "./factorized.ts";
import { checkConfigAgrees } from "./reader.ts";

/**
 * SNAC: the layers of DAC, each for steps of its own length, as `vq_strides` of its configuration says.
 *
 * Source: Siuzdak et al., "SNAC: Multi-Scale Neural Audio Codec", 2024,
 * https://arxiv.org/abs/2410.14411; https://github.com/hubertsiuzdak/snac.
 */
export const snac: CodecReader<MultiscaleVQuantizer> = (where, reader, config) => {
  const { count, params, ...sizes } = factorizedLayers(reader);
  const { vq_strides: strides } = config;
  if (!Array.isArray(strides) || strides.length !== count) {
    const mend = "Give the model's config.json: its tensors don't tell them";
    throw expected(
      `${where}: config.vq_strides`,
      `a stride for each of ${count} layers`,
      strides,
      mend,
    );
  }
  checkConfigAgrees(where, config, {
    codebook_size: sizes.codebookSize,
    codebook_dim: sizes.codebookDim,
  });
  const quantizer = multiscaleVQ({ ...sizes, strides });
  return { quantizer, variables: { params: { layers: params() }, state: {} } };
};
