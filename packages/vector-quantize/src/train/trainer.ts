import { numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import { type ProcessGroup, solo } from "../distributed/processGroup.ts";
import {
  checkChoice,
  checkKnownOptions,
  checkNumber,
  expected,
  VectorQuantizeError,
} from "../errors.ts";
import { lazy } from "../lazy.ts";
import { isSoundLoss, type SoundLoss, soundDistance } from "../losses/soundParts.ts";
import { psnrInGraph, psnrOf } from "../metrics/distortion.ts";
import { meanInGraph } from "../metrics/mean.ts";
import { cutToLength } from "../nn/cutSeries.ts";
import type { LayerStates, Model, ModelOutput, ModelParams, ModelVariables } from "../nn/model.ts";
import { layersOnKernels, stepsOnShaders } from "../paths.ts";
import type { Quantized } from "../quantizers/contract.ts";
import { unguarded } from "../quantizers/guard.ts";
import { hasCodes } from "../quantizers/hasCodes.ts";
import { jitted, owns, release } from "../tree.ts";
import { moveAverage, type ParamsAverage, startAverage } from "./averageParams.ts";
import {
  checkAveraged,
  checkEvaluation,
  checkInit,
  checkOutput,
  checkStart,
  checkStep,
} from "./checks.ts";
import { readBeside } from "./lostDevice.ts";
import { applyUpdates, type GradientTransformation } from "./optimizer.ts";
import type { PhaseTimer } from "./phaseTimer.ts";
import type { FoundApart } from "./shaderStep.ts";
import type { StepMetrics, TrainState, TrainStepResult } from "./trainState.ts";
import { refTree } from "./trees.ts";

/** Options of `createTrainer`. */
export interface TrainerOptions {
  readonly optimizer: GradientTransformation;
  /**
   * Reconstruction loss: mean absolute ("l1") or mean squared ("l2") error, or for sounds a `soundLoss`, whose
   * parts are metrics too. Default "l2".
   */
  readonly loss?: "l1" | "l2" | SoundLoss;
  /** Weight of the quantizer's loss beside the reconstruction loss. Default 1. */
  readonly quantizerWeight?: number;
  /** Smallest and largest value in the data; the range of PSNR. Default [-1, 1]. */
  readonly range?: readonly [number, number];
  /** Whether outputs are clamped to `range` before the reconstruction loss; not with a `soundLoss`. Default false. */
  readonly clamp?: boolean;
  /**
   * Keeps an exponential moving average of the parameters beside them, of which a step keeps this
   * share: 0.999 averages about the last 1,000 steps. `averaged` gives it. Default: none is kept.
   */
  readonly averageDecay?: number;
  /**
   * The processes that train together, such as `await mpiGroup()` of `vector-quantize-mpi`. Each calls
   * `trainStep` with its part of the batch, and all end with the same state: codebooks to the bit that of
   * one process with the whole batch, gradients up to the order of their sums. Default: this one alone.
   */
  readonly group?: ProcessGroup;
}

/** What `evaluate` gives: arrays on the device. */
export interface Evaluation {
  /** The model's output clamped to the range. */
  readonly output: np.Array;
  readonly indices: np.Array;
  readonly reconstruction: np.Array;
  readonly psnr: np.Array;
  readonly [name: string]: np.Array;
}

/** Functions that take ownership of the arrays that they are given. */
export interface Trainer {
  /** A fresh state: step 0. */
  init(key: np.Array): TrainState;
  /** A state at step 0 from variables at hand, for example fitted ones. */
  start(variables: ModelVariables, key: np.Array): TrainState;
  /** One step on `batch`: one jitted graph, nothing is read back. */
  step(state: TrainState, batch: np.Array): TrainStepResult;
  /**
   * One step on `batch`, to the same result, with layers, search, codebook update and optimizer on the
   * kernels, and no N x K array. On WebGPU search and codebook update are shaders, for quantizers with
   * codebooks and the usual options, and the rest is a graph. One graph, as `step`, otherwise there, and
   * with a layer of your own that does something else in training.
   *
   * @param timer is told where the time goes; the step then waits between its parts
   */
  trainStep(state: TrainState, batch: np.Array, timer?: PhaseTimer): Promise<TrainStepResult>;
  /**
   * The variables to evaluate and to save: with the averaged parameters where they are kept, else
   * those of `state`. What the quantizer and the layers move by themselves is not averaged.
   */
  averaged(state: TrainState): ModelVariables;
  /** The model on `batch` without training. */
  evaluate(variables: ModelVariables, batch: np.Array): Promise<Evaluation>;
}

/** What a step measured, as traced scalars, and what its quantizer reports. */
interface Measured {
  readonly reconstruction: np.Array;
  /** Parts of the reconstruction loss by name. */
  readonly parts: Readonly<Record<string, np.Array>>;
  readonly psnr: np.Array;
  readonly report: Omit<Quantized, "quantized">;
  /** The states of the layers after the step, if the model has some. */
  readonly layers?: LayerStates;
}

/** What a step reports and keeps beside the loss. */
interface StepAside {
  readonly metrics: Omit<StepMetrics, "loss" | "step">;
  /** The model's variables after it, but the parameters. */
  readonly moved: Moved;
}

type Moved = Pick<ModelVariables, "state" | "layers">;

/** All that the end of a step needs. */
interface Conclusion extends StepAside {
  readonly gradients: ModelParams;
  readonly before: TrainState;
  /** PRNG key of the next step. */
  readonly key: np.Array;
  readonly total: np.Array;
}

interface StepInputs {
  moved: Moved;
  batch: np.Array;
  key: np.Array;
  /** What was found before, so that the graph need not search. */
  indices?: np.Array;
}

type Compared = Pick<Measured, "reconstruction" | "parts">;

/** Throws unless `loss` is one that the trainer knows. */
function checkLoss(loss: unknown, clamp: boolean): void {
  const where = "createTrainer: loss";
  if (typeof loss === "string") checkChoice(where, loss, ["l1", "l2"]);
  else if (!isSoundLoss(loss)) throw expected(where, '"l1", "l2" or a soundLoss', loss);
  else if (clamp) throw expected("createTrainer: clamp with a soundLoss", "false", clamp);
}

/** `valueAndGrad` by the first argument, with a second output, for any tree of arrays. */
function valueAndGradOf<Params, Inputs>(
  run: (params: Params, inputs: Inputs) => [np.Array, StepAside],
): (params: Params, inputs: Inputs) => [[np.Array, StepAside], Params] {
  return valueAndGrad(run as never, { hasAux: true }) as never;
}

/**
 * The body of a training loop for `model`: minimises
 * `loss(output, batch) + quantizerWeight * sum(quantizer's loss)` over the model's parameters, while
 * the quantizer moves its own state.
 *
 * ```ts
 * const trainer = createTrainer(model, { optimizer: adamw(1e-3) });
 * const reader = createMetricReader();
 * let state = trainer.init(random.key(0));
 * for (const batch of batches) {
 *   const result = trainer.step(state, batch);
 *   state = result.state;
 *   await reader.push(result.metrics);
 * }
 * ```
 *
 * Every shape of batch is compiled once and kept: keep them few.
 */
export function createTrainer(model: Model, options: TrainerOptions): Trainer {
  const {
    optimizer,
    loss = "l2",
    quantizerWeight = 1,
    range = [-1, 1],
    clamp = false,
    averageDecay,
    group = solo(),
  } = options;
  checkKnownOptions("createTrainer", options, [
    "optimizer",
    "loss",
    "quantizerWeight",
    "range",
    "clamp",
    "averageDecay",
    "group",
  ]);
  if (typeof group?.allGather !== "function") {
    throw expected("createTrainer: group", "a ProcessGroup, such as solo()", group);
  }
  checkLoss(loss, clamp);
  checkNumber("createTrainer: quantizerWeight", quantizerWeight, 0);
  if (averageDecay !== undefined) {
    checkNumber("createTrainer: averageDecay", averageDecay, 0);
    if (averageDecay >= 1)
      throw expected("createTrainer: averageDecay", "less than 1", averageDecay);
  }
  if (!Array.isArray(range) || !(range[0] < range[1])) {
    throw expected("createTrainer: range", "[low, high] with low < high", range);
  }
  const [low, high] = range as readonly [number, number];
  const peak = high - low;
  const clip = (x: np.Array) => np.clip(x, low, high);

  function reconstructionLoss(output: np.Array, batch: np.Array): Compared {
    checkOutput(output.shape, batch.shape);
    if (typeof loss !== "string") return soundDistance(loss, output, batch);
    const error = (clamp ? clip(output) : output).sub(batch);
    return {
      reconstruction: meanInGraph(loss === "l1" ? np.abs(error) : np.square(error)),
      parts: {},
    };
  }

  /** The minimised sum, and all that the step reports or keeps beside it. */
  function account(found: Measured): [np.Array, StepAside] {
    const { reconstruction, parts, psnr, report, layers } = found;
    const total = reconstruction.ref.add(np.sum(report.loss).mul(quantizerWeight));
    const losses = Object.entries(report.losses).map(([name, loss]) => [name, np.sum(loss)]);
    const metrics = {
      ...Object.fromEntries(losses),
      ...parts,
      reconstruction,
      psnr,
      indices: report.indices,
    };
    return [total, { metrics, moved: { state: report.state, ...(layers && { layers }) } }];
  }

  function measured({ output, quantized, layers }: ModelOutput, batch: np.Array): Measured {
    const { quantized: codes, ...report } = quantized;
    codes.dispose();
    const compared = reconstructionLoss(output.ref, batch.ref);
    const psnr = psnrInGraph(clip(output), batch, peak);
    return { ...compared, psnr, report, ...(layers && { layers }) };
  }

  const differentiated = valueAndGradOf(
    (params: ModelParams, { moved, batch, ...drawn }: StepInputs) => {
      const options = { training: true, ...drawn };
      return account(measured(model.apply({ params, ...moved }, batch.ref, options), batch));
    },
  );

  /** The optimizer's step along `gradients`, and the state of training after it. */
  function conclude(conclusion: Conclusion): TrainStepResult {
    const { gradients, before, key, moved, total, metrics } = conclusion;
    const { variables, optimizer: moments, step } = before;
    const { params } = variables;
    const [updates, optimizerState] = optimizer.update(gradients, moments, refTree(params));
    const number = step.add(np.array(1, { dtype: np.int32 }));
    const stepped = applyUpdates(params, updates as ModelParams);
    const average =
      averageDecay === undefined
        ? before.average
        : moveAverage(before.average as ParamsAverage<ModelParams>, refTree(stepped), averageDecay);
    return {
      state: {
        variables: { params: stepped, ...moved },
        optimizer: optimizerState,
        key,
        step: number.ref,
        average,
      },
      metrics: { ...metrics, loss: total, step: number } as StepMetrics,
    };
  }

  function takeStep(before: TrainState, batch: np.Array, found?: FoundApart): TrainStepResult {
    const [key, stepKey] = [...random.split(before.key)] as [np.Array, np.Array];
    const { params, ...moved } = before.variables;
    const inputs = { moved, batch, key: stepKey, ...(found && { indices: found.indices }) };
    const [[total, aside], gradients] = differentiated(tree.ref(params as never), inputs);
    if (!found) return conclude({ before, gradients, key, total, ...aside });
    const { state, ...rest } = aside.moved;
    tree.dispose(state as never);
    const after = { state: found.moved, ...rest };
    return conclude({ before, gradients, key, total, ...aside, moved: after });
  }

  const shaderStep = lazy(async () => {
    const { createShaderStep } = await import("./shaderStep.ts");
    return createShaderStep(model, takeStep);
  });

  const kernelStep = lazy(async () => {
    const { createKernelStep } = await import("./kernelStep.ts");
    return createKernelStep(model, {
      group,
      rule:
        typeof loss === "string"
          ? { loss, range: [low, high], clamp }
          : { loss, range: [low, high] },
      ...{ optimizer, averageDecay, quantizerWeight, peak },
      conclude({ before, gradients, key, reconstruction, distortion, parts = {}, report, layers }) {
        const psnr = psnrOf(distortion, peak);
        const found = { reconstruction, parts, psnr, report, ...(layers && { layers }) };
        const [total, aside] = account(found);
        return conclude({ before, gradients, key, total, ...aside });
      },
    });
  });
  const step = jitted((before: TrainState, batch: np.Array) => takeStep(before, batch));

  const applied = jitted((variables: ModelVariables, batch: np.Array) => {
    const { output, quantized, layers } = model.apply(variables, batch);
    const { indices, ...rest } = quantized;
    tree.dispose([rest, layers ?? []] as never);
    return { output, indices };
  });
  const judged = jitted((output: np.Array, batch: np.Array) => {
    const clipped = clip(output.ref);
    const { reconstruction, parts } = reconstructionLoss(output, batch.ref);
    return {
      ...parts,
      reconstruction,
      psnr: psnrInGraph(clipped.ref, batch, peak),
      output: clipped,
    };
  });

  function start(variables: ModelVariables, key: np.Array): TrainState {
    const { params } = variables;
    return {
      optimizer: optimizer.init(refTree(params)),
      variables,
      key,
      step: np.array(0, { dtype: np.int32 }),
      average: averageDecay === undefined ? {} : startAverage(refTree(params)),
    };
  }

  return {
    init(key) {
      checkInit("trainer.init", key);
      const [modelKey, stepKey] = [...random.split(key)] as [np.Array, np.Array];
      return start(model.init(modelKey), stepKey);
    },
    start(variables, key) {
      checkStart("trainer.start", variables, key);
      return start(variables, key);
    },
    step(state, batch) {
      checkStep("trainer.step", state, batch);
      if (group.size > 1) {
        release([state, batch]);
        throw new VectorQuantizeError(
          "trainer.step: expected one process, got several. They take steps together by trainStep",
        );
      }
      return step(state, batch);
    },
    async trainStep(state, batch, timer) {
      checkStep("trainer.trainStep", state, batch);
      if (layersOnKernels(batch)) {
        const result = await (await kernelStep())(state, batch, timer);
        if (result) return result;
      }
      if (group.size > 1) {
        release([state, batch]);
        throw new VectorQuantizeError(
          "trainer.trainStep: expected layers that train on the kernels, on the CPU, got others. Several processes take no step in one graph",
        );
      }
      if (stepsOnShaders(unguarded(model.quantizer), batch)) {
        return (await shaderStep())(state, batch, timer);
      }
      await readBeside(batch, async () => {}).catch((error) => {
        release([state, batch]);
        throw error;
      });
      return timer ? timer.time("step", () => step(state, batch)) : step(state, batch);
    },
    averaged(state) {
      checkAveraged("trainer.averaged", state);
      using _ = owns(state);
      const { params, ...moved } = state.variables;
      const { mean = params } = state.average as Partial<ParamsAverage<ModelParams>>;
      return { params: refTree(mean), ...refTree(moved) };
    },
    async evaluate(variables, batch) {
      checkEvaluation("trainer.evaluate", variables, batch);
      using _ = owns(variables, batch);
      if (!hasCodes(model.quantizer)) {
        const { output, indices } = applied(refTree(variables), batch.ref);
        return { ...judged(output, batch.ref), indices };
      }
      const indices = await model.encode(refTree(variables), batch.ref);
      const decoded = await model.decode(refTree(variables), indices.ref);
      const output =
        model.lengthMultiple > 1 ? cutToLength(decoded, batch.shape[1] as number) : decoded;
      return { ...judged(output, batch.ref), indices };
    },
  };
}
