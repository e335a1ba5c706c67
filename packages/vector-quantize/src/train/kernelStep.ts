import { numpy as np } from "@jax-js/jax";
import { ExchangeRooms } from "../distributed/exchangeRooms.ts";
import type { ProcessGroup } from "../distributed/processGroup.ts";
import {
  type Addresses,
  addressesIn,
  type ForwardCall,
  sizeOf,
} from "../kernels/layers/layerPlan.ts";
import {
  type Reconstruction,
  type ReconstructionRule,
  reconstructionLoss,
} from "../kernels/layers/reconstruction.ts";
import { cutPlan } from "../kernels/layers/seriesLength.ts";
import { type Workspace, withWorkspace } from "../kernels/layers/workspace.ts";
import { soundLossOnKernels } from "../losses/soundLossOnKernels.ts";
import type { SoundLoss } from "../losses/soundParts.ts";
import type { Model } from "../nn/model.ts";
import { arrayOf, hostNumbersOf, numbersOf } from "../nn/numbers.ts";
import { tapesOf } from "../nn/tape.ts";
import { type ArrayTree, eachArray, owns, release } from "../tree.ts";
import { checkOutput } from "./checks.ts";
import { type GraphConclusion, graphEnding } from "./graphEnding.ts";
import { HeldState } from "./heldState.ts";
import { type EndingOptions, kernelEnding } from "./kernelEnding.ts";
import type { PhaseTimer } from "./phaseTimer.ts";
import { type BufferPass, outputShape, quantizerPass } from "./quantizerPass.ts";
import type { GradientPlaces, Timed } from "./stepEnding.ts";
import { keysOfStep } from "./stepKeys.ts";
import { stepSharing } from "./stepSharing.ts";
import type { TrainState, TrainStepResult } from "./trainState.ts";
import { ruleOf } from "./updateRule.ts";

/** What a step on the kernels is made of. */
interface StepParts extends EndingOptions {
  readonly rule:
    | ReconstructionRule
    | { readonly loss: SoundLoss; readonly range: readonly [number, number] };
  readonly group: ProcessGroup;
  /** The end of a step whose optimizer has no rule. Traceable. */
  conclude(found: GraphConclusion): TrainStepResult;
}

/**
 * A training step on typed arrays: the encoder's layers, the quantizer's training pass, the decoder's
 * layers, the loss, the way back through them, and the optimizer if it has a rule. Layers without kernels
 * are graphs of their own in between.
 */
export function createKernelStep(model: Model, parts: StepParts) {
  const { group, quantizerWeight, conclude } = parts;
  const compare = comparison(parts.rule);
  const rooms = new ExchangeRooms();
  const pass = quantizerPass(model.quantizer, group, rooms);
  const optimizerRule = ruleOf(parts.optimizer);
  const ending = optimizerRule ? kernelEnding(optimizerRule, parts) : graphEnding(conclude);
  const encoderFor = tapesOf(model.layers.encoder);
  const decoderFor = tapesOf(model.layers.decoder);
  const draws = [...model.layers.encoder, ...model.layers.decoder].some(({ draws }) => draws);

  /** The tapes for batches of `shape`. Throws what the model would. Looks at the state where layers are graphs. */
  function plan(state: TrainState, shape: readonly number[]) {
    const arraysOf = (side: "encoder" | "decoder") => () => {
      const { params, layers } = state.variables;
      return { params: params[side], states: layers?.[side] };
    };
    const encoder = encoderFor(arraysOf("encoder"), shape);
    const codes = outputShape(model.quantizer, encoder.outputShape);
    const whole = decoderFor(arraysOf("decoder"), codes);
    const decoder = model.lengthMultiple > 1 ? cutPlan(whole, shape[1] as number) : whole;
    checkOutput(decoder.outputShape, shape);
    return { encoder, decoder };
  }

  return async (
    before: TrainState,
    batch: np.Array,
    timer?: PhaseTimer,
  ): Promise<TrainStepResult | undefined> => {
    const timed: Timed = timer ? timer.time : (_phase, run) => run();
    /** What is given up at the end, and what on an error alone. */
    const [borrowed, made]: [unknown[], unknown[]] = [[batch], []];
    using _ = owns(borrowed);
    borrowed.push(before);
    const { encoder, decoder } = plan(before, batch.shape);
    if (!encoder.trains || !decoder.trains) {
      borrowed.length = 0;
      return undefined;
    }
    const taken = ending.take(before);
    if (taken) borrowed.splice(1, 1, taken.state, taken.key, taken.step);
    let held = taken?.held;
    let open: BufferPass | undefined;
    try {
      return await withWorkspace(async (work) => {
        const { pool } = work;
        held ??= await HeldState.of(pool, ending.heldParts(before));
        const { state, key, step } = taken ?? { ...before, state: before.variables.state };
        const { places } = held;
        const params = places.params as GradientPlaces;
        const gradients = held.gradientsIn(work) as GradientPlaces;
        const sharing = stepSharing(group, work, held, gradients, rooms);
        const [steps = 0] = await hostNumbersOf<Int32Array<ArrayBuffer>>(step);
        await sharing.compare(steps, held, state);
        const underWay = sharing.partsOf(batch.shape);
        underWay.catch(() => {}); // an error before it is awaited is the step's
        const dealt = keysOfStep(await hostNumbersOf<Uint32Array<ArrayBuffer>>(key), draws);
        const keys = sharing.keysOf(dealt);
        const [nextKey, stepKey] = [arrayOf(keys.next), arrayOf(keys.quantizer)];
        made.push(nextKey, stepKey);
        const callOf = (side: "encoder" | "decoder"): ForwardCall => ({
          training: true,
          state: (places.layers as GradientPlaces | undefined)?.[side],
          key: keys[side],
        });
        const quantizerParams = held.arraysAt(params.quantizer);
        borrowed.push(quantizerParams);
        const image = work.copyOf(await numbersOf(batch));

        const { y, kept } = await timed("encoder forward", () =>
          pool.exclusive(() =>
            encoder.forward(work, params.encoder, work.hold(image), callOf("encoder")),
          ),
        );
        const parts = await underWay;
        const wholeSize = parts.total * sizeOf(batch.shape.slice(1));
        const variables = { params: quantizerParams, state };
        const vectors = { at: y, shape: encoder.outputShape };
        const passed = await timed("quantizer forward", () =>
          pass(work, variables, vectors, { key: stepKey, parts }),
        );
        open = passed;
        made.push(passed.report);
        const { found, byCodes } = await timed("decoder", () =>
          pool.exclusive(async () => {
            const { y, kept } = await decoder.forward(
              work,
              params.decoder,
              passed.output,
              callOf("decoder"),
            );
            const found = await compare(work, [y, image], batch.shape, wholeSize);
            work.release(y, image);
            const byCodes = await decoder.backward(work, {
              params: params.decoder,
              gradients: gradients.decoder,
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
        borrowed.push(home.params);
        await writeAll(work, gradients.quantizer, home.params);
        const { loss, distortion: squares, parts: byName = {} } = found;
        const names = Object.keys(byName);
        const summing = Promise.all([
          sharing.sumGradients("decoder"),
          sharing.sums(loss, squares, ...Object.values(byName)),
        ]);
        summing.catch(() => {}); // as before
        await timed("encoder backward", () =>
          pool.exclusive(() =>
            encoder.backward(work, {
              params: params.encoder,
              gradients: gradients.encoder,
              kept,
              dy: home.byVectors,
              wantsInput: false,
            }),
          ),
        );
        await sharing.sumGradients("encoder");
        const [, [reconstruction = 0, distortion = 0, ...sums]] = await summing;
        await sharing.meanOfLayers(held);
        const summed = Object.fromEntries(names.map((name, i) => [name, sums[i] as number]));
        return ending.conclude(
          {
            ...{ work, held, gradients, reconstruction, distortion },
            ...(found.parts && { parts: summed }),
            step: steps + 1,
            key: nextKey,
            report: passed.report,
          },
          before,
          timed,
        );
      });
    } catch (error) {
      open?.dispose();
      held?.free();
      release(made);
      throw error;
    }
  };
}

type Compare = (
  work: Workspace,
  buffers: readonly [output: number, target: number],
  shape: readonly number[],
  whole: number,
) => Promise<Reconstruction>;

function comparison(rule: StepParts["rule"]): Compare {
  if (typeof rule.loss !== "string") return soundLossOnKernels(rule.loss, rule.range);
  const simple = rule as ReconstructionRule;
  return (work, buffers, shape, whole) =>
    reconstructionLoss(work, simple, buffers, sizeOf(shape), { whole });
}

/** Writes the numbers of arrays to addresses in the same tree. */
async function writeAll(work: Workspace, places: Addresses, arrays: ArrayTree): Promise<void> {
  const leaves: np.Array[] = [];
  eachArray(arrays, (leaf) => leaves.push(leaf));
  for (const [i, at] of addressesIn(places).entries()) {
    work.pool.memory.write(at, await numbersOf(leaves[i] as np.Array));
  }
}
