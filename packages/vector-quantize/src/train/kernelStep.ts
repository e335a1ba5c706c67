import { numpy as np, random } from "@jax-js/jax";
import { type ReconstructionRule, reconstructionLoss } from "../kernels/layers/reconstruction.ts";
import { withWorkspace } from "../kernels/layers/workspace.ts";
import type { Model, ModelParams } from "../nn/model.ts";
import { bringIn, bringOut, numbersOf, shapesOf, zerosLike } from "../nn/numbers.ts";
import { tapesOf } from "../nn/tape.ts";
import type { Quantized } from "../quantizers/contract.ts";
import { jitted, owns, release } from "../tree.ts";
import { checkOutput } from "./checks.ts";
import type { PhaseTimer, StepPhase } from "./phaseTimer.ts";
import { type BufferPass, outputShape, quantizerPass } from "./quantizerPass.ts";
import type { TrainState, TrainStepResult } from "./trainState.ts";
import { refTree } from "./trees.ts";

/** How far a step has come when its gradients are there. */
export interface Conclusion {
  readonly gradients: ModelParams;
  readonly before: TrainState;
  /** PRNG key of the next step. */
  readonly key: np.Array;
  /** Scalars: the reconstruction loss, and the mean squared error of the output cut to the range. */
  readonly reconstruction: np.Array;
  readonly distortion: np.Array;
  /** What the quantizer reports beside its output; `state` is the one after the step. */
  readonly report: Omit<Quantized, "quantized">;
}

/** What a step on the kernels is made of. */
interface StepParts {
  readonly rule: ReconstructionRule;
  readonly quantizerWeight: number;
  /** The optimizer's step and the metrics. Traceable. */
  conclude(conclusion: Conclusion): TrainStepResult;
}

type Timed = <T>(phase: StepPhase, run: () => T | Promise<T>) => T | Promise<T>;

/**
 * A training step on typed arrays: the encoder's layers, the quantizer's training pass, the decoder's
 * layers, the loss, and the way back through them; the optimizer at its end is a graph. Layers without
 * kernels are graphs of their own in between.
 */
export function createKernelStep(model: Model, { rule, quantizerWeight, conclude }: StepParts) {
  const pass = quantizerPass(model.quantizer);
  const finish = jitted(conclude);
  const encoderFor = tapesOf(model.layers.encoder);
  const decoderFor = tapesOf(model.layers.decoder);

  return async (
    before: TrainState,
    batch: np.Array,
    timer?: PhaseTimer,
  ): Promise<TrainStepResult> => {
    const timed: Timed = timer ? timer.time : (_phase, run) => run();
    const { params, state } = before.variables;
    /** What is given up on an error. */
    const made: unknown[] = [];
    let open: BufferPass | undefined;
    using _ = owns(before, batch);
    try {
      return await withWorkspace(async (work) => {
        const { pool } = work;
        const [key, stepKey] = [...random.split(before.key.ref)] as [np.Array, np.Array];
        made.push(key, stepKey);
        const encoder = encoderFor(params.encoder, batch.shape);
        const decoder = decoderFor(
          params.decoder,
          outputShape(model.quantizer, encoder.outputShape),
        );
        checkOutput(decoder.outputShape, batch.shape);
        const own = {
          encoder: await bringIn(work, params.encoder),
          decoder: await bringIn(work, params.decoder),
        };
        const sums = {
          encoder: zerosLike(work, params.encoder),
          decoder: zerosLike(work, params.decoder),
        };
        const image = work.copyOf(await numbersOf(batch));

        const { y, kept } = await timed("encoder forward", () =>
          pool.exclusive(() => encoder.forward(work, own.encoder, work.hold(image), true)),
        );
        const variables = { params: params.quantizer, state };
        const vectors = { at: y, shape: encoder.outputShape };
        const passed = await timed("quantizer forward", () =>
          pass(work, variables, vectors, stepKey),
        );
        open = passed;
        made.push(passed.report);
        const { found, byCodes } = await timed("decoder", () =>
          pool.exclusive(async () => {
            const { y, kept } = await decoder.forward(work, own.decoder, passed.output, true);
            const found = await reconstructionLoss(work, rule, [y, image], batch.size);
            work.release(y, image);
            const byCodes = await decoder.backward(work, {
              params: own.decoder,
              gradients: sums.decoder,
              kept,
              dy: found.gradient,
              wantsInput: true,
            });
            return { found, byCodes };
          }),
        );
        const byLoss = np.full(passed.report.loss.shape, quantizerWeight);
        open = undefined; // its way back gives it up
        const home = await timed("quantizer backward", () => passed.back(byCodes, byLoss));
        made.push(home.params);
        await timed("encoder backward", () =>
          pool.exclusive(() =>
            encoder.backward(work, {
              params: own.encoder,
              gradients: sums.encoder,
              kept,
              dy: home.byVectors,
              wantsInput: false,
            }),
          ),
        );
        const gradientsOf = (side: "encoder" | "decoder") =>
          bringOut(work, sums[side], shapesOf(params[side])) as ModelParams["encoder"];
        return timed("optimizer", () =>
          finish({
            before: refTree(before),
            gradients: {
              encoder: gradientsOf("encoder"),
              quantizer: home.params,
              decoder: gradientsOf("decoder"),
            },
            key,
            reconstruction: np.array(found.loss),
            distortion: np.array(found.distortion),
            report: passed.report,
          }),
        );
      });
    } catch (error) {
      open?.dispose();
      release(made);
      throw error;
    }
  };
}
