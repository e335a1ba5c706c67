import { numpy as np, random } from "@jax-js/jax";
import type { Addresses } from "../kernels/layers/layerPlan.ts";
import { type ReconstructionRule, reconstructionLoss } from "../kernels/layers/reconstruction.ts";
import { withWorkspace } from "../kernels/layers/workspace.ts";
import type { Model, ModelParams } from "../nn/model.ts";
import { arrayAt, bringIn, bringOut, numbersOf, shapesOf, zerosLike } from "../nn/numbers.ts";
import { tapesOf } from "../nn/tape.ts";
import type { Quantized } from "../quantizers/contract.ts";
import { createTrainingPass } from "../quantizers/trainingPass.ts";
import { jitted, owns } from "../tree.ts";
import { checkOutput } from "./checks.ts";
import type { PhaseTimer, StepPhase } from "./phaseTimer.ts";
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
  const pass = createTrainingPass(model.quantizer);
  const finish = jitted(conclude);
  const encoderFor = tapesOf(model.layers.encoder);
  const decoderFor = tapesOf(model.layers.decoder);

  return async (
    before: TrainState,
    batch: np.Array,
    timer?: PhaseTimer,
  ): Promise<TrainStepResult> => {
    using _ = owns(before, batch);
    const timed: Timed = timer ? timer.time : (_phase, run) => run();
    const [key, stepKey] = [...random.split(before.key.ref)] as [np.Array, np.Array];
    const { params, state } = before.variables;

    return await withWorkspace(async (work) => {
      const { pool } = work;
      const encoder = encoderFor(params.encoder, batch.shape);
      let image = 0;
      const own: Parts = {
        encoder: await bringIn(work, params.encoder),
        decoder: await bringIn(work, params.decoder),
      };
      const zeros: Parts = {
        encoder: zerosLike(work, params.encoder),
        decoder: zerosLike(work, params.decoder),
      };

      const forward = await timed("encoder forward", async () => {
        image = work.copyOf(await numbersOf(batch));
        const held = work.hold(image);
        return pool.exclusive(() => encoder.forward(work, own.encoder, held, true));
      });
      const features = arrayAt(work, forward.y, encoder.outputShape);
      work.release(forward.y);

      const passed = await timed("quantizer forward", () =>
        pass(refTree({ params: params.quantizer, state }) as never, features, { key: stepKey }),
      );
      const { quantized, ...report } = passed.quantized;
      const decoder = decoderFor(params.decoder, quantized.shape);
      checkOutput(decoder.outputShape, batch.shape);

      const after = await timed("decoder", async () => {
        const codes = work.copyOf((await quantized.data()) as Float32Array);
        return pool.exclusive(async () => {
          const { y, kept } = await decoder.forward(work, own.decoder, codes, true);
          const found = await reconstructionLoss(work, rule, [y, image], batch.size, true);
          work.release(y, image);
          const by = await decoder.backward(work, {
            params: own.decoder,
            gradients: zeros.decoder,
            kept,
            dy: found.gradient,
            wantsInput: true,
          });
          return { ...found, by };
        });
      });
      const byLoss = np.full(report.loss.shape, quantizerWeight);
      const byQuantized = arrayAt(work, after.by, quantized.shape);
      work.release(after.by);
      const home = await timed("quantizer backward", () =>
        passed.back({ quantized: byQuantized, loss: byLoss }),
      );

      await timed("encoder backward", async () => {
        const dy = work.copyOf((await home.x.data()) as Float32Array);
        await pool.exclusive(() =>
          encoder.backward(work, {
            params: own.encoder,
            gradients: zeros.encoder,
            kept: forward.kept,
            dy,
            wantsInput: false,
          }),
        );
      });
      return timed("optimizer", () =>
        finish({
          before: refTree(before),
          gradients: {
            encoder: bringOut(
              work,
              zeros.encoder,
              shapesOf(params.encoder),
            ) as ModelParams["encoder"],
            quantizer: home.params,
            decoder: bringOut(
              work,
              zeros.decoder,
              shapesOf(params.decoder),
            ) as ModelParams["decoder"],
          },
          key,
          reconstruction: np.array(after.loss),
          distortion: np.array(after.distortion),
          report,
        }),
      );
    });
  };
}

/** Parameters of the layers on both sides, by address. */
interface Parts {
  readonly encoder: Addresses;
  readonly decoder: Addresses;
}
