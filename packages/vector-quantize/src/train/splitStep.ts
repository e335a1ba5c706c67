import { type numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import type { Model, ModelOutput, ModelParams } from "../nn/model.ts";
import type { PassGradients, Quantized } from "../quantizers/contract.ts";
import { createTrainingPass } from "../quantizers/trainingPass.ts";
import { solid } from "../tracing.ts";
import { type ArrayTree, jitted } from "../tree.ts";
import type { PhaseTimer, StepPhase } from "./phaseTimer.ts";
import type { StepMetrics, TrainState, TrainStepResult } from "./trainState.ts";
import { refTree } from "./trees.ts";

/** What a step reports and keeps beside the loss. */
export interface StepAside {
  metrics: Omit<StepMetrics, "loss" | "step">;
  state: ArrayTree;
}

/** All that the end of a step needs. */
export interface Conclusion extends StepAside {
  gradients: ModelParams;
  before: TrainState;
  /** PRNG key of the next step. */
  key: np.Array;
  total: np.Array;
}

/** The parts of a step that one graph and a split step share. */
interface StepParts {
  account: (output: ModelOutput, batch: np.Array) => [np.Array, StepAside];
  conclude: (conclusion: Conclusion) => TrainStepResult;
}

/** `valueAndGrad` by the first argument, with a second output, for any tree of arrays. */
export function valueAndGradOf<Params, Inputs>(
  run: (params: Params, inputs: Inputs) => [np.Array, StepAside],
): (params: Params, inputs: Inputs) => [[np.Array, StepAside], Params] {
  return valueAndGrad(run as never, { hasAux: true }) as never;
}

/** What the part of the model after the quantizer is differentiated by. */
interface TailParams {
  decoder: ModelParams["decoder"];
  outputs: PassGradients;
}

interface TailInputs {
  /** What the quantizer reports beside its outputs. */
  report: Pick<Quantized, "indices" | "losses">;
  batch: np.Array;
}

type Timed = <T>(phase: StepPhase, run: () => T | Promise<T>) => T | Promise<T>;

/**
 * A training step in parts: the encoder forward; the quantizer's training pass, on the kernels; the
 * decoder and the losses with their gradients; these taken home through the quantizer and the
 * encoder.
 */
export function createSplitStep(model: Model, { account, conclude }: StepParts) {
  const forward = jitted(model.encoderForward);
  const backward = jitted(model.encoderBackward);
  const pass = createTrainingPass(model.quantizer);
  const finish = jitted(conclude);
  const tail = jitted(
    valueAndGradOf(({ decoder, outputs }: TailParams, { report, batch }: TailInputs) => {
      const output = model.decoder(decoder, outputs.quantized.ref);
      // What a function differentiated under jit gives beside its value can't be its own argument.
      const reported = tree.map(solid, report) as typeof report;
      return account({ output, quantized: { ...outputs, ...reported, state: [] } }, batch);
    }),
  );

  return async (
    before: TrainState,
    batch: np.Array,
    timer?: PhaseTimer,
  ): Promise<TrainStepResult> => {
    const timed: Timed = timer ? timer.time : (_phase, run) => run();
    const [key, stepKey] = [...random.split(before.key.ref)] as [np.Array, np.Array];
    const { params, state } = before.variables;
    const [features, kept] = await timed("encoder forward", () =>
      forward(refTree(params.encoder), batch.ref),
    );
    const passed = await timed("quantizer forward", () =>
      pass(tree.ref({ params: params.quantizer, state } as never), features, { key: stepKey }),
    );
    const { quantized, loss, state: moved, ...report } = passed.quantized;
    const decoder = tree.ref(params.decoder as never) as ModelParams["decoder"];
    const [[total, { metrics }], gradients] = await timed("decoder", () =>
      tail({ decoder, outputs: { quantized, loss } }, { report, batch }),
    );
    const home = await timed("quantizer backward", () => passed.back(gradients.outputs));
    const encoderGradient = await timed("encoder backward", () =>
      backward(refTree(params.encoder), kept, home.x),
    );
    return timed("optimizer", () =>
      finish({
        before,
        gradients: {
          encoder: encoderGradient,
          quantizer: home.params,
          decoder: gradients.decoder,
        },
        key,
        total,
        metrics,
        state: moved,
      }),
    );
  };
}
