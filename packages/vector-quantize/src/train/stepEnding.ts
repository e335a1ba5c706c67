import type { numpy as np } from "@jax-js/jax";
import type { Addresses } from "../kernels/layers/layerPlan.ts";
import type { Workspace } from "../kernels/layers/workspace.ts";
import type { Quantized } from "../quantizers/contract.ts";
import type { HeldParts, HeldState, Holding } from "./heldState.ts";
import type { StepPhase } from "./phaseTimer.ts";
import type { TrainState, TrainStepResult } from "./trainState.ts";

/** What the quantizer reports beside its output; `state` is the one after the step. */
export type QuantizerReport = Omit<Quantized, "quantized">;

/** How far a step on the kernels has come when its gradients are there. */
export interface StepFound {
  readonly work: Workspace;
  readonly held: HeldState;
  /** In the tree of the parameters. */
  readonly gradients: GradientPlaces;
  /** Number of the step, from 1. */
  readonly step: number;
  /** PRNG key of the next step. */
  readonly key: np.Array;
  /** The reconstruction loss, and the mean squared error of the output cut to the range. */
  readonly reconstruction: number;
  readonly distortion: number;
  /** The parts of the reconstruction loss by name, of one that has some. */
  readonly parts?: Readonly<Record<string, number>>;
  readonly report: QuantizerReport;
}

export type GradientPlaces = Readonly<Record<"encoder" | "quantizer" | "decoder", Addresses>>;

/** Runs a part of a step, and tells a timer of it if there is one. */
export type Timed = <T>(phase: StepPhase, run: () => T | Promise<T>) => T | Promise<T>;

/** The last part of a step on the kernels: the optimizer and the metrics. */
export interface StepEnding {
  /** What is held for a state, taken over from it; undefined if nothing is. */
  take(state: TrainState): Holding | undefined;
  /** What of a state of arrays is held during a step. Throws unless the optimizer made it. Borrows it. */
  heldParts(state: TrainState): HeldParts;
  /** Takes over the arrays that it is given and what is held, but not `before`. */
  conclude(
    found: StepFound,
    before: TrainState,
    timed: Timed,
  ): TrainStepResult | Promise<TrainStepResult>;
}
