import { type numpy as np, random, tree, valueAndGrad, vjp } from "@jax-js/jax";
import type { Model, ModelOutput, ModelParams } from "../nn/model.ts";
import { type ArrayTree, jitted } from "../tree.ts";
import type { PhaseTimer, StepPhase } from "./phaseTimer.ts";
import type { StepMetrics, TrainState, TrainStepResult } from "./trainer.ts";

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

/** The parts of a step that one graph and a step apart share. */
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

/** `run` of one tree of arrays, and the way back for its gradient. */
function vjpOf<Params>(run: (params: Params) => np.Array, params: Params) {
  const [output, back] = vjp(run as never, [params] as never) as unknown as [
    np.Array,
    ((gradient: np.Array) => [Params]) & { dispose(): void },
  ];
  const home = (gradient: np.Array): Params => {
    const [found] = back(gradient);
    back.dispose();
    return found;
  };
  return [output, home] as const;
}

/** What the part of the model after the search is differentiated by. */
interface TailParams {
  decoder: ModelParams["decoder"];
  quantizer: ArrayTree;
  features: np.Array;
}

interface TailInputs {
  state: ArrayTree;
  indices: np.Array;
  batch: np.Array;
  key: np.Array;
  prepared?: ArrayTree;
}

type Timed = <T>(phase: StepPhase, run: () => T | Promise<T>) => T | Promise<T>;

/**
 * A training step in parts: the encoder forward; the search and the codebook update on the kernels,
 * where nothing has a gradient anyway; the rest differentiated with the codes given; its gradient
 * taken home through the encoder.
 */
export function createApartStep(model: Model, { account, conclude }: StepParts) {
  const { quantizer } = model;
  const encoder = jitted(model.encoder);
  const finish = jitted(conclude);
  const tail = jitted(
    valueAndGradOf(
      (
        { decoder, quantizer: params, features }: TailParams,
        { state, batch, ...given }: TailInputs,
      ) => {
        const options = { training: true, ...given };
        const quantized = quantizer.apply({ params, state }, features, options);
        const output = model.decoder(decoder, quantized.quantized.ref);
        return account({ output, quantized }, batch);
      },
    ),
  );

  return async (
    before: TrainState,
    batch: np.Array,
    timer?: PhaseTimer,
  ): Promise<TrainStepResult> => {
    const timed: Timed = timer ? timer.time : (_phase, run) => run();
    const [key, stepKey] = [...random.split(before.key.ref)] as [np.Array, np.Array];
    const { params, state } = before.variables;
    const forward = (given: ModelParams["encoder"]) => encoder(given, batch.ref);
    const [features, back] = await timed("encoder forward", () =>
      vjpOf(forward, tree.ref(params.encoder as never)),
    );
    const own = { params: params.quantizer, state };
    const [indices, prepared] = await timed("search", async () => [
      await quantizer.encode(tree.ref(own as never), features.ref),
      await quantizer.prepare?.(tree.ref(own as never), features.ref, { key: stepKey.ref }),
    ]);
    const moved = await timed("update", () =>
      quantizer.update(tree.ref(own as never), features.ref, indices.ref, { key: stepKey.ref }),
    );
    const [[total, aside], gradients] = await timed("tail", () =>
      tail(
        {
          decoder: tree.ref(params.decoder as never),
          quantizer: tree.ref(params.quantizer as never),
          features,
        },
        {
          state: tree.ref(state as never),
          indices,
          batch,
          key: stepKey,
          ...(prepared && { prepared }),
        },
      ),
    );
    tree.dispose(aside.state as never);
    const encoderGradient = await timed("encoder backward", () => back(gradients.features));
    const { decoder, quantizer: quantizerGradient } = gradients;
    return timed("optimizer", () =>
      finish({
        before,
        gradients: { encoder: encoderGradient, quantizer: quantizerGradient, decoder },
        key,
        total,
        metrics: aside.metrics,
        state: moved,
      }),
    );
  };
}
