import { type numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { leakedBytes } from "../../../../test/leak.ts";
import { linear } from "../nn/linear.ts";
import { sequential } from "../nn/sequential.ts";
import { binaryMapper } from "../quantizers/binaryMapper.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import { fsp } from "../quantizers/fsp.ts";
import { fsq } from "../quantizers/fsq.ts";
import { groupedResidualVQ } from "../quantizers/groupedResidualVQ.ts";
import { hierarchicalVQ } from "../quantizers/hierarchicalVQ.ts";
import { identity } from "../quantizers/identity.ts";
import { latentQuantize } from "../quantizers/latentQuantize.ts";
import { lfq } from "../quantizers/lfq.ts";
import { productVQ } from "../quantizers/productVQ.ts";
import { randomProjectionQuantizer } from "../quantizers/randomProjectionQuantizer.ts";
import { residualFSQ } from "../quantizers/residualFSQ.ts";
import { residualLFQ } from "../quantizers/residualLFQ.ts";
import { residualSimVQ } from "../quantizers/residualSimVQ.ts";
import { residualVQ } from "../quantizers/residualVQ.ts";
import { simVQ } from "../quantizers/simVQ.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { adamw } from "./optimizers.ts";
import { createTrainer } from "./trainer.ts";
import type { TrainState } from "./trainState.ts";

const asQuantizer = (quantizer: unknown) => quantizer as Quantizer;

/** Every family that trains; those that do not train apart fall back to one graph. */
const quantizers: [string, () => Quantizer][] = Object.entries({
  vectorQuantize: () => vectorQuantize({ dim: 6, codebookSize: 32 }),
  "cosine, projected, dead codes": () =>
    vectorQuantize({
      dim: 6,
      codebookDim: 4,
      codebookSize: 32,
      metric: "cosine",
      thresholdEmaDeadCode: 0.2,
    }),
  learnable: () => vectorQuantize({ dim: 6, codebookSize: 32, learnableCodebook: true }),
  heads: () =>
    vectorQuantize({ dim: 6, codebookSize: 16, heads: 2, separateCodebookPerHead: true }),
  "straight through, learnable": () =>
    vectorQuantize({
      dim: 6,
      codebookSize: 32,
      gradient: "straightThrough",
      learnableCodebook: true,
      syncUpdateV: 0.2,
    }),
  directional: () =>
    vectorQuantize({
      dim: 6,
      codebookSize: 32,
      gradient: "directional",
      thresholdEmaDeadCode: 0.5,
    }),
  stochastic: () =>
    vectorQuantize({ dim: 6, codebookSize: 32, stochasticSampleCodes: true, gradient: "gumbel" }),
  affine: () => vectorQuantize({ dim: 6, codebookSize: 32, affineParam: true }),
  residualVQ: () => residualVQ({ dim: 6, numQuantizers: 3, codebookSize: 16 }),
  "residualVQ, shared codebook": () =>
    residualVQ({ dim: 6, numQuantizers: 2, codebookSize: 16, sharedCodebook: true }),
  groupedResidualVQ: () =>
    groupedResidualVQ({ dim: 6, groups: 2, numQuantizers: 2, codebookSize: 16 }),
  simVQ: () => simVQ({ dim: 6, codebookSize: 32 }),
  residualSimVQ: () => residualSimVQ({ dim: 6, numQuantizers: 2, codebookSize: 16 }),
  fsq: () => fsq({ levels: [8, 5, 5], dim: 6 }),
  fsp: () => fsp({ levels: [5, 5, 5], dim: 6 }),
  // At the default temperature a difference in the last bit grows tenfold in two steps.
  lfq: () => lfq({ dim: 6, codebookSize: 64, temperature: 1 }),
  "lfq, spherical, projected, two codebooks, a fraction": () =>
    lfq({
      dim: 6,
      codebookSize: 32,
      numCodebooks: 2,
      spherical: true,
      temperature: 1,
      fracPerSampleEntropy: 0.5,
      commitmentLossWeight: 0.25,
    }),
  latentQuantize: () => latentQuantize({ levels: [5, 5, 8], dim: 6 }),
  residualFSQ: () => residualFSQ({ levels: [8, 5, 5], dim: 6, numQuantizers: 2 }),
  residualLFQ: () => residualLFQ({ dim: 6, numQuantizers: 2, codebookSize: 64, temperature: 1 }),
  hierarchicalVQ: () => hierarchicalVQ({ dim: 6, codebookSize: 16, scales: [1, 3, 6] }),
  productVQ: () => productVQ({ dim: 6, parts: 3, rotation: "learned" }),
  randomProjectionQuantizer: () =>
    randomProjectionQuantizer({ dim: 6, codebookDim: 4, codebookSize: 16 }),
  binaryMapper: () => binaryMapper({ bits: 6 }),
  identity: () => identity({ dim: 6 }),
}).map(([name, make]) => [name, () => asQuantizer(make())]);

const modelWith = (quantizer: Quantizer) =>
  sequential([
    linear({ inFeatures: 12, outFeatures: 6 }),
    quantizer,
    linear({ inFeatures: quantizer.outputs ?? 6, outFeatures: 12 }),
  ]);

it("refuses a quantizer whose output has another shape than it says", async () => {
  const quantizer = { ...binaryMapper({ bits: 6 }), outputs: undefined } as never;
  const trainer = createTrainer(modelWith(quantizer), { optimizer: adamw(1e-3) });
  const state = trainer.init(random.key(0));
  const batch = random.normal(random.key(1), [2, 3, 12]);
  await expect(trainer.trainStep(state, batch)).rejects.toThrow(
    "the quantizer binaryMapper: expected",
  );
});

/** Images with channels first do for all of them: the layers are over the last axis. */
const batchOf = (step: number, images: boolean) =>
  random.normal(random.key(100 + step), images ? [2, 6, 6, 12] : [64, 12]);

describe.each(quantizers)("a split step: %s", (name, make) => {
  const batch = (step: number) => batchOf(step, name === "hierarchicalVQ");

  it("comes to the losses and parameters of the step in one graph", async () => {
    const trainer = createTrainer(modelWith(make()), { optimizer: adamw(1e-2) });
    let one = trainer.init(random.key(0));
    let apart = trainer.init(random.key(0));
    const number = async (x: np.Array) => (await x.data())[0] as number;
    for (let step = 0; step < 20; step++) {
      const graph = trainer.step(one, batch(step));
      const kernel = await trainer.trainStep(apart, batch(step));
      const { indices, step: _, ...losses } = graph.metrics;
      expect(Object.keys(kernel.metrics).sort()).toEqual(Object.keys(graph.metrics).sort());
      for (const name of Object.keys(losses)) {
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
    const grown = await leakedBytes(async (at) => {
      let state: TrainState = trainer.init(random.key(0));
      for (let step = 0; step < 3; step++) {
        const result = await trainer.trainStep(state, batch(3 * at + step));
        state = result.state;
        const { loss, ...rest } = result.metrics;
        tree.dispose(rest as never);
        expect(Number.isFinite((await loss.data())[0])).toBe(true);
      }
      tree.dispose(state as never); // whether it is in arrays or, where no code was replaced, in the kernels' memory
    });
    expect(grown).toBe(0);
  });
});
