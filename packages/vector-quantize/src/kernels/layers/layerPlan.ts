import type { Workspace } from "./workspace.ts";

/** Addresses of a layer's parameters, or of their gradients, in the shape of its parameters' tree. */
export type Addresses = number | readonly Addresses[] | { readonly [name: string]: Addresses };

/** What goes in and what comes out. */
export interface Shapes {
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
}

/** A layer on buffers of one shape, forward and back. */
export interface LayerPlan extends Shapes {
  /** Whether `forward` does in training what the layer does then. */
  readonly trains: boolean;

  /** The output of the buffer `x`, which it releases, or keeps as it says for the way back. */
  forward(work: Workspace, params: Addresses, x: number, call: ForwardCall): Promise<Passed>;

  /**
   * Adds the gradients of the parameters to `gradients`, and gives that of the input from that of the
   * output, which it releases or, where it is its alone, writes over, with what `forward` kept. Without `wantsInput` there is none, and it is 0.
   */
  backward(work: Workspace, call: BackwardCall): Promise<number>;
}

/** What the way there is given beside parameters and input. */
export interface ForwardCall {
  /** Whether there will be a way back, and the layer's state moves. */
  readonly training: boolean;
  /** The layer's state, if it has one. Training writes the next one over it. */
  readonly state?: Addresses | undefined;
  /** PRNG key of the layer's own in training, if some layer draws: two words. */
  readonly key?: Uint32Array | undefined;
}

/** Buffers that a way back needs, held for it. None in evaluation. */
export type Kept = number | readonly Kept[];

/** What a layer made of its input. */
export interface Passed {
  readonly y: number;
  readonly kept: Kept;
}

/** What the way back is given. */
export interface BackwardCall {
  readonly params: Addresses;
  readonly gradients: Addresses;
  readonly kept: Kept;
  /** The output's gradient. */
  readonly dy: number;
  readonly wantsInput: boolean;
}

/** How many numbers an array of this shape has. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** All buffers of `kept`. */
export const keptBuffers = (kept: Kept): number[] =>
  typeof kept === "number" ? [kept] : kept.flatMap(keptBuffers);

/** All addresses of a tree, in order. */
export const addressesIn = (tree: Addresses | undefined): number[] =>
  typeof tree === "number" ? [tree] : Object.values(tree ?? {}).flatMap(addressesIn);
