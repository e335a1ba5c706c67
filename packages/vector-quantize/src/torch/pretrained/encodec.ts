import type { Variables } from "../../quantizers/contract.ts";
import type { ResidualQuantizer } from "../../quantizers/residual.ts";
import { residualVQ } from "../../quantizers/residualVQ.ts";
import type { CodecReader } from "./codecReader.ts";
import { checkConfigAgrees } from "./reader.ts";

/**
 * EnCodec: residual layers of Euclidean codebooks.
 *
 * Source: Défossez et al., "High Fidelity Neural Audio Compression", 2022,
 * https://arxiv.org/abs/2210.13438; `EncodecModel` of Hugging Face's `transformers`.
 */
export const encodec: CodecReader<ResidualQuantizer> = (where, reader, config) => {
  const numQuantizers = reader.count("layers");
  const [K, D] = reader.tensor("layers.0.codebook.embed", [undefined, undefined]).shape as [
    number,
    number,
  ];
  checkConfigAgrees(where, config, { codebook_size: K, codebook_dim: D });
  const layers = Array.from({ length: numQuantizers }, (_, at) => {
    const name = `layers.${at}.codebook`;
    reader.tensor(`${name}.inited`, [1]);
    return {
      codebook: reader.tensor(`${name}.embed`, [K, D]),
      clusterSize: reader.tensor(`${name}.cluster_size`, [K]),
      codeSums: reader.tensor(`${name}.embed_avg`, [K, D]),
    };
  });
  reader.finish();
  const state = layers.map(({ codebook, clusterSize, codeSums }) => ({
    codebook: codebook.ref,
    clusterSize: clusterSize.ref,
    codeSums: codeSums.ref,
  }));
  return {
    quantizer: residualVQ({ dim: D, codebookSize: K, numQuantizers }),
    variables: {
      params: { layers: layers.map(() => ({})) },
      state: { layers: state },
    } as Variables,
  };
};
