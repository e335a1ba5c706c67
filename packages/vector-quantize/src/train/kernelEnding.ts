import { numpy as np, tree } from "@jax-js/jax";
import { defaultPool } from "../kernels/engine/createPool.ts";
import type { Addresses } from "../kernels/layers/layerPlan.ts";
import { psnr } from "../metrics/distortion.ts";
import { arrayOf, numbersOf } from "../nn/numbers.ts";
import { checkShapes, type TreeShapes, treeShapes } from "../quantizers/guard/arguments.ts";
import { startAverage } from "./averageParams.ts";
import { stateHolding, takeHeld } from "./heldState.ts";
import { takeUpdates } from "./kernelUpdates.ts";
import type { GradientTransformation } from "./optimizer.ts";
import type { StepEnding, StepFound } from "./stepEnding.ts";
import type { StepMetrics, TrainState } from "./trainState.ts";
import { mapTrees } from "./trees.ts";
import type { UpdateRule } from "./updateRule.ts";

/** What the end of a step is told. */
export interface EndingOptions {
  readonly optimizer: GradientTransformation;
  readonly averageDecay: number | undefined;
  readonly quantizerWeight: number;
  /** Largest minus smallest value in the data. */
  readonly peak: number;
}

/**
 * The optimizer by its rule, on the kernels: parameters, moments and average stay in their memory until
 * somebody looks at them.
 */
export function kernelEnding(rule: UpdateRule, options: EndingOptions): StepEnding {
  const { optimizer, averageDecay, quantizerWeight, peak } = options;
  /** Tells the states of this trainer from those of others. */
  const owner = {};
  let shapes: { known: TreeShapes | undefined } | undefined;

  /** Throws unless the optimizer and the average of this trainer made what is in `state`. */
  function check({ variables, optimizer: moments, average }: TrainState): void {
    shapes ??= {
      known: treeShapes((key) => {
        key.dispose();
        const zeros = () => mapTrees(({ shape }) => np.zeros(shape), variables.params);
        const average = averageDecay === undefined ? {} : startAverage(zeros());
        return { optimizer: optimizer.init(zeros()), average };
      }),
    };
    if (shapes.known === undefined) return;
    const given = { optimizer: moments, average };
    const mend = "Is this the state of a trainer with another optimizer or average?";
    checkShapes("training step", "state", given, shapes.known, mend);
  }

  async function moveAll({ work, held, gradients }: StepFound): Promise<void> {
    const { optimizer, average } = held.places;
    const weight = (average as { weight?: number }).weight;
    const rules = [rule, optimizer, held.trainedBy(gradients as Addresses)] as const;
    await work.pool.exclusive(() =>
      averageDecay === undefined || weight === undefined
        ? takeUpdates(work, ...rules)
        : takeUpdates(work, ...rules, { decay: averageDecay, weight }),
    );
  }

  async function metricsOf(found: StepFound, step: np.Array): Promise<StepMetrics> {
    const { reconstruction, distortion, parts, report } = found;
    const losses: Record<string, number> = {};
    for (const [name, loss] of Object.entries(report.losses)) losses[name] = await sumOf(loss);
    const loss = reconstruction + quantizerWeight * (await sumOf(report.loss));
    const measured = scalars({ ...losses, ...parts, reconstruction, psnr: psnr(distortion, peak) });
    // In the order of the graph's step.
    return { ...measured, indices: report.indices, ...scalars({ loss }), step } as StepMetrics;
  }

  return {
    take: (state) => takeHeld(state, owner, defaultPool()),
    heldParts(state) {
      check(state);
      const { variables, optimizer, average } = state;
      const { params, layers } = variables;
      return { params, optimizer, average, ...(layers && { layers }) };
    },
    async conclude(found, _before, timed) {
      const { held, key, report } = found;
      const step = arrayOf(Int32Array.of(found.step), []);
      const metrics = await timed("optimizer", async () => {
        await moveAll(found);
        return metricsOf(found, step.ref);
      });
      tree.dispose([report.loss, report.losses] as never);
      return { state: stateHolding({ held, owner, state: report.state, key, step }), metrics };
    },
  };
}

const scalars = (numbers: Record<string, number>) =>
  Object.fromEntries(
    Object.entries(numbers).map(([name, value]) => [name, arrayOf(Float32Array.of(value), [])]),
  );

async function sumOf(values: np.Array): Promise<number> {
  let sum = 0;
  for (const value of await numbersOf(values)) sum += value;
  return sum;
}
