import type { numpy as np } from "@jax-js/jax";
import type {
  ApplyOptions,
  Compared,
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

/** The states of the layers before and after the quantizer, `{}` for one that has none. */
export interface LayerStates {
  readonly encoder: readonly ArrayTree[];
  readonly decoder: readonly ArrayTree[];
  readonly [key: string]: ArrayTree;
}

/**
 * All arrays of a model: parameters, the quantizer's state, and those of the layers if some have one. No
 * interface: as one, with a key that may be absent, it would not be a tree of arrays to every compiler.
 */
export type ModelVariables = {
  readonly params: ModelParams;
  readonly state: ArrayTree;
  readonly layers?: LayerStates;
};

/** What a model puts out: the reconstruction, and all that its quantizer says. */
export interface ModelOutput {
  readonly output: np.Array;
  readonly quantized: Quantized;
  /** The states of the layers after the call, of a model whose variables have them. */
  readonly layers?: LayerStates;
}

/**
 * An encoder, one quantizer and a decoder. Every function takes ownership of the arrays that it is
 * given: callers keep theirs with `.ref` and `tree.ref(...)`.
 */
export interface Model {
  /** Plain JSON that rebuilds the model through `modelFromConfig`. */
  readonly config: ModelConfig;
  readonly quantizer: Quantizer;
  /**
   * What the length of series is padded to a multiple of before the encoder; `apply` cuts its output to the
   * input's length again. 1 for models that don't pad, which take lengths as their layers do.
   */
  readonly lengthMultiple: number;
  /** What stands before the quantizer, and after it. */
  readonly layers: { readonly encoder: readonly Layer[]; readonly decoder: readonly Layer[] };

  /** Fresh variables. */
  init(key: np.Array): ModelVariables;

  /**
   * Codebooks from data: runs the encoder on `sample`, as training does, then the quantizer's `fit`. The
   * states of layers stay.
   */
  fit(variables: ModelVariables, sample: np.Array, options?: FitOptions): Promise<ModelVariables>;

  /**
   * Encoder, quantizer, decoder. Pure, traceable, differentiable.
   *
   * @throws VectorQuantizeError for variables of another kind, and training without a key of a model
   *   with `dropout`
   */
  apply(variables: ModelVariables, x: np.Array, options?: ApplyOptions): ModelOutput;

  /**
   * The layers before the quantizer alone, as in evaluation. Pure, traceable, differentiable.
   *
   * @param states `variables.layers.encoder`, of a model that has them
   */
  encoder(params: ModelParams["encoder"], x: np.Array, states?: LayerStates["encoder"]): np.Array;

  /**
   * The layers after the quantizer alone, as in evaluation. Pure, traceable, differentiable.
   *
   * @param states `variables.layers.decoder`, of a model that has them
   */
  decoder(
    params: ModelParams["decoder"],
    quantized: np.Array,
    states?: LayerStates["decoder"],
  ): np.Array;

  /** Indices of `x`, without gradients. */
  encode(variables: ModelVariables, x: np.Array): Promise<np.Array>;

  /**
   * What the quantizer compares of `x`: see its `comparison`.
   *
   * @throws VectorQuantizeError if the quantizer has none
   */
  comparison(variables: ModelVariables, x: np.Array): Promise<Compared>;

  /** Output from indices: what `apply` puts out in evaluation, without gradients. */
  decode(variables: ModelVariables, indices: np.Array): Promise<np.Array>;
}
