/** What the examples of the documentation take for given, as global names: some with values. */
import { type numpy as np, random } from "@jax-js/jax";
import type { Quantizer, Variables } from "vector-quantize";
import type { Pool } from "vector-quantize/kernels";
import type { Layer, Model } from "vector-quantize/nn";

declare global {
  // biome-ignore-start lint/suspicious/noVar: globals with values
  var x: np.Array;
  var key: np.Array;
  // biome-ignore lint/suspicious/noExplicitAny: each quantizer's own
  var variables: any;
  var logits: np.Array;
  var spectrogram: np.Array;
  var vectors: Float32Array<ArrayBuffer>;
  var codebooks: Float32Array<ArrayBuffer>[];
  /** Tells which quantizer the names above are for. */
  var use: (quantizer: Quantizer) => void;
  // biome-ignore-end lint/suspicious/noVar: globals with values

  // Examples with these are compiled and not run.
  const sample: np.Array; // as many rows as codes would take long
  const quantizer: Quantizer;
  // biome-ignore lint/suspicious/noExplicitAny: an array here, typed numbers for the kernels
  const indices: any;
  const lengths: np.Array;
  const byOutput: np.Array;
  const byLoss: np.Array;
  const encoder: Layer;
  const decoder: Layer;
  const model: Model;
  const bytes: Uint8Array<ArrayBuffer>;
  const batches: Iterable<np.Array>;
  const values: Float32Array;
  const n: number;
  const squareKernels: Parameters<Pool["load"]>[0];
  function batchOf(step: number): np.Array;
  function evaluate(step: number): Promise<number>;
  function save(): Promise<void>;
}

let current: Quantizer | undefined;

interface Config {
  readonly type: string;
  readonly dim?: number;
  readonly bits?: number;
  readonly levels?: readonly number[];
  readonly layers?: readonly Config[];
  readonly groups?: number;
  readonly quantizer?: Config;
}

function features({ dim, bits, levels, layers, groups, quantizer }: Config): number {
  if (layers?.[0] !== undefined) return features(layers[0]);
  if (groups !== undefined && quantizer !== undefined) return groups * features(quantizer);
  return dim ?? bits ?? levels?.length ?? 1;
}

/** What the example's quantizer takes. */
function input(): np.Array {
  const config = (current as Quantizer).config as unknown as Config;
  const image = config.type === "hierarchicalVQ";
  const shape = image ? [1, features(config), 16, 16] : [2, 64, features(config)];
  return random.normal(random.key(1), shape);
}

const noise = (length: number, seed = 1) =>
  Float32Array.from({ length }, (_, i) => Math.sin(seed * i * i));

const given: Record<string, () => unknown> = {
  ...{ x: input, logits: input, spectrogram: input },
  key: () => random.key(2),
  variables: () => current?.init(random.key(0)) as Variables,
  vectors: () => noise(3 * 1024 * 64),
  codebooks: () => [1, 2, 3, 4].map((seed) => noise(64 * 256, seed)),
  use: () => (quantizer: Quantizer) => {
    current = quantizer;
  },
};
for (const [name, get] of Object.entries(given)) {
  Object.defineProperty(globalThis, name, { get, set: () => {}, configurable: true });
}
