import type { numpy as np } from "@jax-js/jax";
import type {
  ApplyOptions,
  FitOptions,
  Quantized,
  Quantizer,
  QuantizerConfig,
} from "../quantizers/contract.ts";
import type { ArrayTree } from "../tree.ts";
import type { Layer, LayerConfig } from "./layer.ts";

/** Plain JSON of a whole model: its layers and its quantizer, in order. */
export interface ModelConfig {
  readonly type: "sequential";
  readonly parts: readonly (LayerConfig | QuantizerConfig)[];
}

/** What gradients train: one tree per layer before and after the quantizer, and the quantizer's. */
export interface ModelParams {
  readonly encoder: readonly ArrayTree[];
  readonly quantizer: ArrayTree;
  readonly decoder: readonly ArrayTree[];
  readonly [key: string]: ArrayTree;
}

/** All arrays of a model: parameters, and the quantizer's state. */
export interface ModelVariables {
  readonly params: ModelParams;
  readonly state: ArrayTree;
  readonly [key: string]: ArrayTree;
}

/** What a model puts out: the reconstruction, and all that its quantizer says. */
export interface ModelOutput {
  readonly output: np.Array;
  readonly quantized: Quantized;
}

/**
 * An encoder, one quantizer and a decoder. Every function takes ownership of the arrays that it is
 * given: callers keep theirs with `.ref` and `tree.ref(...)`.
 */
export interface Model {
  /** Plain JSON that rebuilds the model through `modelFromConfig`. */
  readonly config: ModelConfig;
  readonly quantizer: Quantizer;
  /** What stands before the quantizer, and after it. */
  readonly layers: { readonly encoder: readonly Layer[]; readonly decoder: readonly Layer[] };

  /** Fresh variables. */
  init(key: np.Array): ModelVariables;

  /** Codebooks from data: runs the encoder on `sample`, then the quantizer's `fit`. */
  fit(variables: ModelVariables, sample: np.Array, options?: FitOptions): Promise<ModelVariables>;

  /** Encoder, quantizer, decoder. Pure, traceable, differentiable. */
  apply(variables: ModelVariables, x: np.Array, options?: ApplyOptions): ModelOutput;

  /** The layers before the quantizer alone. Pure, traceable, differentiable. */
  encoder(params: ModelParams["encoder"], x: np.Array): np.Array;

  /** The layers after the quantizer alone. Pure, traceable, differentiable. */
  decoder(params: ModelParams["decoder"], quantized: np.Array): np.Array;

  /** Indices of `x`, without gradients. */
  encode(variables: ModelVariables, x: np.Array): Promise<np.Array>;

  /** Output from indices: what `apply` puts out in evaluation, without gradients. */
  decode(variables: ModelVariables, indices: np.Array): Promise<np.Array>;
}
