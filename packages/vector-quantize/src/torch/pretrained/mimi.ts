import { numpy as np } from "@jax-js/jax";
import { type ResidualVQOptions, residualVQ } from "../../quantizers/residualVQ.ts";
import { type SummedQuantizer, summedQuantizer } from "../../quantizers/summedQuantizer.ts";
import type { CodecReader } from "./codecReader.ts";
import { checkConfigAgrees, pointwise, type Reader } from "./reader.ts";

/** Counts of uses are no less than this where sums of vectors are divided by them. */
const leastUsage = 1e-5;

/**
 * Mimi: a residual quantizer for what is said and one for how it sounds, beside one another. Its codes
 * are kept as sums of vectors and counts of uses.
 *
 * Source: Défossez et al., "Moshi", 2024, https://arxiv.org/abs/2410.00037; `MimiModel` of Hugging
 * Face's `transformers`.
 */
export const mimi: CodecReader<SummedQuantizer> = (where, reader, config) => {
  const parts = ["semantic", "acoustic"].map((name) =>
    residualPart(reader, `${name}_residual_vector_quantizer`),
  ) as [ResidualPart, ResidualPart];
  reader.finish();
  const [semantic, acoustic] = parts.map(({ options }) => options) as [PartOptions, PartOptions];
  checkConfigAgrees(where, config, {
    num_semantic_quantizers: semantic.numQuantizers,
    num_quantizers: semantic.numQuantizers + acoustic.numQuantizers,
    codebook_size: semantic.codebookSize,
    hidden_size: semantic.dim,
    vector_quantization_hidden_dimension: semantic.codebookDim,
  });
  const quantizer = summedQuantizer({
    quantizers: parts.map(({ options }) => residualVQ(options)),
  });
  const made = parts.map(({ variables }) => variables());
  return {
    quantizer,
    variables: {
      params: { parts: made.map(({ params }) => params) },
      state: { parts: made.map(({ state }) => state) },
    },
  };
};

type PartOptions = ResidualVQOptions & {
  codebookSize: number;
  numQuantizers: number;
  codebookDim: number;
};
type ResidualPart = ReturnType<typeof residualPart>;

function residualPart(reader: Reader, name: string) {
  const count = reader.count(`${name}.layers`);
  const [K, C] = reader.tensor(`${name}.layers.0.codebook.embed_sum`, [undefined, undefined])
    .shape as [number, number];
  const maps = reader.has(`${name}.input_proj.weight`) && {
    into: pointwise(reader, `${name}.input_proj`, [C, undefined]),
    out: pointwise(reader, `${name}.output_proj`, [undefined, C]),
  };
  const layers = Array.from({ length: count }, (_, at) => {
    const codebook = `${name}.layers.${at}.codebook`;
    reader.tensor(`${codebook}.initialized`, [1]);
    return {
      sums: reader.tensor(`${codebook}.embed_sum`, [K, C]),
      usage: reader.tensor(`${codebook}.cluster_usage`, [K]),
    };
  });
  const options: PartOptions = {
    dim: maps ? maps.into.inputs : C,
    codebookDim: C,
    codebookSize: K,
    numQuantizers: count,
  };
  return {
    options,
    variables: () => ({
      params: {
        layers: layers.map(() => ({})),
        ...(maps && { projectIn: maps.into.map(), projectOut: maps.out.map() }),
      },
      state: {
        layers: layers.map(({ sums, usage }) => ({
          codebook: sums.ref.div(np.maximum(usage.ref, leastUsage).reshape([K, 1])),
          clusterSize: usage.ref,
          codeSums: sums.ref,
        })),
      },
    }),
  };
}
