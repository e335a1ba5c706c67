import type { numpy as np } from "@jax-js/jax";
import type { ArrayTree } from "../tree.ts";

/**
 * The contract that every quantizer obeys: one interface, so one trainer, one checkpoint format and
 * one command line serve all of them.
 *
 * A quantizer is made by a factory that closes over its options and returns pure functions; arrays
 * live in plain trees. Every function takes ownership of the arrays that it is given: callers keep
 * theirs with `.ref` and `tree.ref(...)`.
 *
 * A wrong argument is a `VectorQuantizeError` before anything changes, and all that the call was given
 * is given up. Numbers in arrays are checked by what is asynchronous. `apply`, `decode` and the like
 * can't read them, inside a trace or while threads compute; there the result says it:
 *
 * - a sequence whose length is below 0 or above N counts as empty, and comes out as NaN;
 * - a target that is below -1, or that no code has, makes `loss` NaN, unless its vector is masked;
 * - a factor of `emaUpdateWeight` that is not finite counts as 0, and makes `loss` NaN;
 * - an index that no code has decodes to NaN.
 *
 * Letters for shapes, here and everywhere: `B` batch, `N` vectors (positions), `D` feature size,
 * `K` codebook size, `Q` quantizers (layers), `G` groups, `H` heads. Indices are int32.
 */
export interface Quantizer<
  Params extends ArrayTree = ArrayTree,
  State extends ArrayTree = ArrayTree,
> {
  /** Plain JSON that rebuilds the quantizer: `{ type, ...options }`. */
  readonly config: QuantizerConfig;
  /** Feature size of the input, and of the output but where `outputs` says another. */
  readonly dim: number;
  /** Feature size of the output, where it is not `dim`. */
  readonly outputs?: number;
  /** One entry per index that a vector gets. */
  readonly codebookSizes: readonly number[];

  /**
   * Whether `encode` and `update`, and then `apply` with the indices, do what one training call of
   * `apply` does: then training can search on the kernels. Default false.
   */
  readonly trainsApart?: boolean;

  /** Fresh parameters (trained by gradients) and state (moved by `update`). */
  init(key: np.Array): Variables<Params, State>;

  /** Codebooks from data: k-means on a sample, laid out as for `apply`. */
  fit(
    variables: Variables<Params, State>,
    sample: np.Array,
    options?: FitOptions,
  ): Promise<Variables<Params, State>>;

  /** Quantizes `x`. Pure, synchronous, differentiable; works under `jit`, `grad` and `vjp`. */
  apply(variables: Variables<Params, State>, x: np.Array, options?: ApplyOptions): Quantized<State>;

  /** Indices of `x`, without gradients; masked positions get -1. */
  encode(
    variables: Variables<Params, State>,
    x: np.Array,
    options?: EncodeOptions,
  ): Promise<np.Array>;

  /** The state after a training step on `x` with the `indices` that `encode` found. */
  update(
    variables: Variables<Params, State>,
    x: np.Array,
    indices: np.Array,
    options?: UpdateOptions,
  ): Promise<State>;

  /**
   * What the kernels can find of a training call of `apply` beforehand, for its option `prepared`:
   * the same losses sooner. Present where there is such a thing.
   */
  prepare?(
    variables: Variables<Params, State>,
    x: np.Array,
    options?: PrepareOptions,
  ): Promise<ArrayTree>;

  /**
   * A training call of `apply` on the kernels, with the way back for gradients: the same numbers many
   * times sooner than in a graph. Present where the options allow it; `createTrainingPass` gives the
   * like for every quantizer.
   */
  pass?(
    variables: Variables<Params, State>,
    x: np.Array,
    options?: PassOptions,
  ): Promise<TrainingPass<Params, State>>;

  /**
   * As `pass`, of vectors in the kernels' memory, which it leaves its output in: nothing goes through an
   * array. Present where vectors enter the search as they are, and only behind the guard, for trainers.
   * It borrows its arguments, which must live until the way back.
   */
  passInMemory?(
    variables: Variables<Params, State>,
    vectors: MemoryVectors,
    options?: PassOptions,
  ): Promise<MemoryPass<Params, State>>;

  /**
   * What `encode` compares: vectors and codes, for encoders that look at more than distances, such as
   * `createRdoEncoder`. Present where an index is that of the nearest code, and all codes can be had.
   */
  comparison?(variables: Variables<Params, State>, x: np.Array): Promise<Compared>;

  /**
   * The indices of vectors in the kernels' memory, as `passInMemory` finds them, in the order of vectors and
   * then layers. Present where that is. It borrows its arguments.
   */
  findInMemory?(
    variables: Variables<Params, State>,
    vectors: Omit<MemoryVectors, "to">,
  ): Promise<Int32Array<ArrayBuffer>>;

  /** Code vectors of `indices`, before any output projection. */
  codes(variables: Variables<Params, State>, indices: np.Array): np.Array;

  /**
   * What `apply` puts out in evaluation for these `indices`: zeros where masked, NaN for an index
   * that no code has, such as the -1 of a masked vector whose mask is not given. `checkIndices`
   * finds such an index and says which it is.
   */
  decode(variables: Variables<Params, State>, indices: np.Array, options?: MaskOptions): np.Array;
}

/** All arrays of a quantizer. */
export type Variables<Params extends ArrayTree = ArrayTree, State extends ArrayTree = ArrayTree> = {
  params: Params;
  state: State;
};

/**
 * What decides about indices, by squared Euclidean distance. A later layer's codes are compared with what
 * is left of a vector after the codes of the layers before.
 */
export type Compared = {
  /** One row a position, `[N, C]`; NaN for what has no code. */
  vectors: np.Array;
  /** The codes of each layer, `[K, C]`. */
  codebooks: np.Array[];
};

/** What a quantizer puts out; the keys are the same whatever the options. */
export type Quantized<State extends ArrayTree = ArrayTree> = {
  /** The quantized input, in the layout of the input. */
  quantized: np.Array;
  /** int32 indices, one per vector; -1 where masked, and for a vector of numbers that can't be used. */
  indices: np.Array;
  /** The weighted sum of all auxiliary losses; 0 in evaluation. */
  loss: np.Array;
  /** The single auxiliary losses, unweighted, by name. */
  losses: Record<string, np.Array>;
  /** The state for the next step; the one given in evaluation. */
  state: State;
};

/** Plain JSON: a quantizer's type and options. */
export interface QuantizerConfig {
  readonly type: string;
  readonly [option: string]: unknown;
}

/** Which positions of a padded batch count. At most one of the two. */
export type MaskOptions = {
  /** bool, in the shape of the indices: true where a vector is real. */
  mask?: np.Array;
  /** int32 `[B]`: how many leading positions of each sequence are real, 0 to N. */
  lengths?: np.Array;
};

/** Options of `apply`. */
export interface ApplyOptions extends MaskOptions {
  /** Whether losses are computed and the state moves. Default false. */
  training?: boolean;
  /** Source of randomness; needed by options that sample. */
  key?: np.Array;
  /**
   * Indices found beforehand by `encode`, in place of a search. The state then comes back as given,
   * for `update` to move it, unless `moveState` says otherwise.
   */
  indices?: np.Array;
  /** What `prepare` gave for the same arrays, the key among them. */
  prepared?: ArrayTree;
  /** Whether training moves the state. Default: unless `indices` are given. */
  moveState?: boolean;
  /**
   * Indices to score the similarities by, -1 where a vector is left out: `loss` is then their
   * cross-entropy alone, in evaluation too.
   */
  targets?: np.Array;
  /** Sampling temperature of this call, in place of the one in the options. */
  temperature?: number;
  /** Keeps the codebook as it is in this call, in place of the one in the options. */
  freezeCodebook?: boolean;
}

/** A training call that was done outside of a graph. */
export interface TrainingPass<
  Params extends ArrayTree = ArrayTree,
  State extends ArrayTree = ArrayTree,
> {
  /** What `apply` puts out in training; `state` is the one after the step. */
  readonly quantized: Quantized<State>;
  /**
   * The gradients of the parameters and of the input, from those of `quantized.quantized` and
   * `quantized.loss`. Takes ownership; may be called once.
   */
  back(gradients: PassGradients): Promise<{ params: Params; x: np.Array }>;
  /** Gives back what the way back needs, in place of a call of `back`. */
  dispose(): void;
}

/** Vectors in the memory of the pool that searches share: float32 `[..., D]`, by address. */
export interface MemoryVectors {
  readonly shape: readonly number[];
  /** Where they lie; they must stay as they are until the way back. */
  readonly at: number;
  /** Where the output goes. */
  readonly to: number;
  /** Indices that `findInMemory` found, in place of a search. */
  readonly indices?: Int32Array;
}

/** A training call on vectors in the kernels' memory. */
export interface MemoryPass<
  Params extends ArrayTree = ArrayTree,
  State extends ArrayTree = ArrayTree,
> {
  /** What `apply` reports in training beside its output; `state` is the one after the step. */
  readonly report: Omit<Quantized<State>, "quantized">;
  /**
   * The gradients of the parameters, and at the address `to` that of the vectors, from those of the
   * output, by address, and of `report.loss`, which it takes ownership of. May be called once.
   *
   * @param part the vectors whose gradients are given and asked for, by address. Default: all
   */
  back(
    gradients: { readonly quantized: number; readonly loss: np.Array },
    to: number,
    part?: { readonly first: number; readonly rows: number },
  ): Promise<Params>;
  /** Gives back what the way back needs, in place of a call of `back`. */
  dispose(): void;
}

/** Gradients of what a pass puts out, in the shapes of its outputs. */
export type PassGradients = { quantized: np.Array; loss: np.Array };

/** Options of a training pass. */
export interface PassOptions {
  /** Source of randomness; needed by options that draw. */
  key?: np.Array;
  /** Indices found beforehand by `encode`, in place of a search, where the quantizer `trainsApart`. */
  indices?: np.Array;
}

/** Options of `encode`. */
export type EncodeOptions = MaskOptions;

/** Options of `prepare`: those of the call that it is for. */
export interface PrepareOptions extends MaskOptions {
  /** Source of randomness. */
  key?: np.Array;
  /** Sampling temperature of the call. */
  temperature?: number;
}

/** Options of `update`. */
export interface UpdateOptions extends MaskOptions {
  /** Source of randomness for the replacement of dead codes. */
  key?: np.Array;
}

/** Options of `fit`. */
export interface FitOptions extends MaskOptions {
  /** Source of randomness for the seeding. Default: key 0. */
  key?: np.Array;
  /** k-means iterations. Default: the quantizer's `kmeansIters`. */
  iterations?: number;
  /** Told what may be wrong with the sample. Default `console.warn`. */
  warn?: (message: string) => void;
}
