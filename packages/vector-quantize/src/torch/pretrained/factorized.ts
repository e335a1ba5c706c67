import type { FactorizedVQParams } from "../../quantizers/factorizedVQ.ts";
import { pointwise, type Reader } from "./reader.ts";

/** Layers of `factorizedVQ`, as DAC and SNAC name them. */
export interface FactorizedLayers {
  readonly count: number;
  readonly dim: number;
  readonly codebookSize: number;
  readonly codebookDim: number;
  /** The parameters of each; makes arrays. */
  params(): FactorizedVQParams[];
}

/** All layers of a file, of one size. */
export function factorizedLayers(reader: Reader): FactorizedLayers {
  const count = reader.count("quantizers");
  const sizes = (name: string) => {
    const codebook = reader.tensor(`${name}.codebook.weight`, [undefined, undefined]);
    const { inputs } = pointwise(reader, `${name}.in_proj`, [codebook.shape[1], undefined]);
    return [...codebook.shape, inputs] as [number, number, number];
  };
  const [K, C, D] = sizes("quantizers.0");
  const layers = Array.from({ length: count }, (_, at) => {
    const name = `quantizers.${at}`;
    return {
      projectIn: pointwise(reader, `${name}.in_proj`, [C, D]),
      projectOut: pointwise(reader, `${name}.out_proj`, [D, C]),
      codebook: reader.tensor(`${name}.codebook.weight`, [K, C]),
    };
  });
  reader.finish();
  return {
    count,
    dim: D,
    codebookSize: K,
    codebookDim: C,
    params: () =>
      layers.map(({ projectIn, projectOut, codebook }) => ({
        projectIn: projectIn.map(),
        projectOut: projectOut.map(),
        codebook: codebook.ref,
      })),
  };
}
