import { type numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { leakedBytes } from "../../../../test/leak.ts";
import { linear } from "../nn/linear.ts";
import { sequential } from "../nn/sequential.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import { residualVQ } from "../quantizers/residualVQ.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { adamw } from "./optimizers.ts";
import { createTrainer, type TrainState } from "./trainer.ts";

const quantizers: [string, () => Quantizer][] = [
  ["vectorQuantize", () => vectorQuantize({ dim: 6, codebookSize: 32 }) as Quantizer],
  [
    "cosine, projected, dead codes",
    () =>
      vectorQuantize({
        dim: 6,
        codebookDim: 4,
        codebookSize: 32,
        metric: "cosine",
        thresholdEmaDeadCode: 0.2,
      }) as Quantizer,
  ],
  [
    "learnable",
    () => vectorQuantize({ dim: 6, codebookSize: 32, learnableCodebook: true }) as Quantizer,
  ],
  [
    "residualVQ",
    () => residualVQ({ dim: 6, numQuantizers: 3, codebookSize: 16 }) as unknown as Quantizer,
  ],
];

const modelWith = (quantizer: Quantizer) =>
  sequential([
    linear({ inFeatures: 12, outFeatures: 6 }),
    quantizer,
    linear({ inFeatures: 6, outFeatures: 12 }),
  ]);

const batchOf = (step: number) => random.normal(random.key(100 + step), [64, 12]);

describe.each(quantizers)("a step apart: %s", (_name, make) => {
  it("comes to the losses and parameters of the step in one graph", async () => {
    const trainer = createTrainer(modelWith(make()), { optimizer: adamw(1e-2) });
    let one = trainer.init(random.key(0));
    let apart = trainer.init(random.key(0));
    const number = async (x: np.Array) => (await x.data())[0] as number;
    for (let step = 0; step < 20; step++) {
      const graph = trainer.step(one, batchOf(step));
      const kernel = await trainer.trainStep(apart, batchOf(step));
      for (const name of ["loss", "reconstruction", "commitment"] as const) {
        const [a, b] = [
          await number(graph.metrics[name] as np.Array),
          await number(kernel.metrics[name] as np.Array),
        ];
        expect(Math.abs(a - b), `${name} at step ${step}`).toBeLessThanOrEqual(
          1e-5 * Math.max(1, Math.abs(a)),
        );
      }
      one = graph.state;
      apart = kernel.state;
    }
    const leavesOf = (state: TrainState) => tree.leaves(state as never) as np.Array[];
    const others = leavesOf(apart);
    expect(leavesOf(one).length).toBe(others.length);
    for (const [at, leaf] of leavesOf(one).entries()) {
      const [left, right] = [await leaf.data(), await (others[at] as np.Array).data()];
      for (const [i, value] of left.entries()) {
        expect(Math.abs(value - (right[i] as number))).toBeLessThanOrEqual(
          1e-4 * Math.max(1, Math.abs(value)),
        );
      }
    }
  });

  it("leaks no array", async () => {
    const trainer = createTrainer(modelWith(make()), { optimizer: adamw(1e-2) });
    let state: TrainState = trainer.init(random.key(0));
    const grown = await leakedBytes(
      async (step) => {
        const result = await trainer.trainStep(state, batchOf(step));
        state = result.state;
        const { loss, ...rest } = result.metrics;
        tree.dispose(rest as never);
        expect(Number.isFinite((await loss.data())[0])).toBe(true);
      },
      { warmUp: 10, steps: 100 },
    );
    expect(grown).toBe(0);
  });
});
