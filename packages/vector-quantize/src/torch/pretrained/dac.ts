import type { Quantizer } from "../../quantizers/contract.ts";
import { factorizedVQ } from "../../quantizers/factorizedVQ.ts";
import type { ResidualQuantizer } from "../../quantizers/residual.ts";
import { residualQuantizer } from "../../quantizers/residualQuantizer.ts";
import type { CodecReader } from "./codecReader.ts";
import { factorizedLayers } from "./factorized.ts";
import { checkConfigAgrees } from "./reader.ts";

/**
 * Descript's audio codec: residual layers with codes of few features, compared by direction.
 *
 * Source: Kumar et al., "High-Fidelity Audio Compression with Improved RVQGAN", 2023,
 * https://arxiv.org/abs/2306.06546; `DacModel` of Hugging Face's `transformers`.
 */
export const dac: CodecReader<ResidualQuantizer> = (where, reader, config) => {
  const { count, params, ...sizes } = factorizedLayers(reader);
  checkConfigAgrees(where, config, {
    n_codebooks: count,
    hidden_size: sizes.dim,
    codebook_size: sizes.codebookSize,
    codebook_dim: sizes.codebookDim,
  });
  const layer = factorizedVQ(sizes) as unknown as Quantizer; // one for all: it keeps nothing
  const layers = Array.from({ length: count }, () => layer);
  const quantizer = residualQuantizer({ layers });
  return {
    quantizer,
    variables: { params: { layers: params() }, state: { layers: layers.map(() => ({})) } },
  };
};
