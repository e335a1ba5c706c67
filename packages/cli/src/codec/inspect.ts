import type { numpy as np } from "@jax-js/jax";
import { type ArrayTree, perplexity } from "vector-quantize";
import type { ModelConfig } from "vector-quantize/nn";
import { flattenTree } from "vector-quantize/safetensors";
import { type CodebookStatistics, codebookStatistics } from "./codebookStatistics.ts";
import type { SavedModel } from "./modelFile.ts";

/** What a model file holds. */
export interface Inspection {
  readonly file: string;
  readonly bytes: number;
  readonly config: ModelConfig;
  readonly details: Readonly<Record<string, unknown>>;
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Numbers that gradients train, and numbers that the quantizer moves by itself. */
  readonly parameters: number;
  readonly stateNumbers: number;
  readonly codebook?: CodebookStatistics & {
    /** Perplexity of the moving averages of uses; absent where none are kept. */
    readonly perplexity?: number;
  };
}

/** Looks at all arrays of a model. */
export async function inspectModel(file: SavedModel): Promise<Inspection> {
  const { model, variables, details, path, bytes } = file;
  const arrays = Object.entries(flattenTree(variables as ArrayTree));
  const count = (prefix: string) =>
    arrays.filter(([name]) => name.startsWith(prefix)).reduce((sum, [, a]) => sum + a.size, 0);
  const { codebook, clusterSize } = variables.state as Record<string, np.Array | undefined>;
  return {
    file: path,
    bytes,
    config: model.config,
    details,
    tensors: arrays.map(([name, { shape }]) => ({ name, shape })),
    parameters: count("params."),
    stateNumbers: count("state."),
    ...(codebook && {
      codebook: { ...(await statisticsOf(codebook)), ...(await usesOf(clusterSize)) },
    }),
  };
}

async function statisticsOf(codebook: np.Array): Promise<CodebookStatistics> {
  return codebookStatistics(
    (await codebook.ref.data()) as Float32Array,
    codebook.shape.at(-1) ?? 1,
  );
}

async function usesOf(clusterSize: np.Array | undefined): Promise<{ perplexity?: number }> {
  if (clusterSize === undefined) return {};
  return { perplexity: perplexity((await clusterSize.ref.data()) as Float32Array) };
}
