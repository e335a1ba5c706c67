import { numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { trainingPath } from "../paths.ts";
import type { Quantizer } from "./contract.ts";
import { fsq } from "./fsq.ts";
import { type GroupedResidualVQOptions, groupedResidualVQ } from "./groupedResidualVQ.ts";
import type { HierarchicalVQOptions } from "./hierarchicalVQ/options.ts";
import { hierarchicalVQ } from "./hierarchicalVQ.ts";
import { type ResidualVQOptions, residualVQ } from "./residualVQ.ts";
import { createTrainingPass } from "./trainingPass.ts";
import type { VectorQuantizeOptions } from "./vectorQuantize/options.ts";
import { vectorQuantize } from "./vectorQuantize.ts";

/** Every array of a tree as numbers, by its path. */
async function numbers(given: unknown, path = ""): Promise<[string, number[]][]> {
  if (given instanceof np.Array) return [[path, [...(await given.data())]]];
  const parts = Object.keys(given as object).sort();
  const found = parts.map((part) =>
    numbers((given as Record<string, unknown>)[part], `${path}/${part}`),
  );
  return (await Promise.all(found)).flat();
}

/** `apply` in a graph and the pass, on the same input with the same gradients from behind. */
async function both(quantizer: Quantizer, shape: number[], scale = 1) {
  const variables = quantizer.init(random.key(1));
  const x = random.normal(random.key(2), shape).mul(scale);
  const key = random.key(3);
  const options = { training: true, key: key.ref };
  const probe = quantizer.apply(tree.ref(variables as never), x.ref, { ...options, key: key.ref });
  const byQuantized = random.normal(random.key(4), probe.quantized.shape);
  const byLoss = random.uniform(random.key(5), probe.loss.shape).add(0.5);
  type Found = [[np.Array, object], object];
  const differentiate = valueAndGrad(
    (({ params, x: at }: { params: never; x: np.Array }) => {
      const out = quantizer.apply(
        { params, state: tree.ref(variables.state as never) },
        at,
        options,
      );
      const total = np
        .sum(out.quantized.ref.mul(byQuantized.ref))
        .add(np.sum(out.loss.ref.mul(byLoss.ref)));
      return [total, out];
    }) as never,
    { hasAux: true },
  ) as unknown as (inputs: object) => Found;
  const inputs = { params: tree.ref(variables.params as never), x: x.ref };
  const [[, graph], gradients] = differentiate(inputs);
  const pass = await createTrainingPass(quantizer)(variables, x, { key });
  const home = await pass.back({ quantized: byQuantized, loss: byLoss });
  return {
    graph: await numbers({ graph, gradients }),
    pass: await numbers({ graph: pass.quantized, gradients: home }),
  };
}

function expectSame({ graph, pass }: Awaited<ReturnType<typeof both>>) {
  expect(pass.map(([path]) => path)).toEqual(graph.map(([path]) => path));
  graph.forEach(([path, values], leaf) => {
    const got = pass[leaf]?.[1] as number[];
    const size = Math.max(1e-3, ...values.map(Math.abs));
    expect(got.length, path).toBe(values.length);
    const off = values.map((value, i) => Math.abs((got[i] as number) - value) / size);
    expect(Math.max(0, ...off), path).toBeLessThan(3e-5);
  });
}

const single: [string, Partial<VectorQuantizeOptions>, number[]?][] = [
  ["by default", {}],
  ["straight through", { gradient: "straightThrough" }],
  ["cosine", { metric: "cosine" }],
  ["in a smaller codebook", { codebookDim: 3 }],
  ["with heads that share a codebook", { heads: 2, codebookDim: 4 }],
  ["with a codebook per head", { heads: 2, codebookDim: 4, separateCodebookPerHead: true }],
  ["images", { layout: "image" }, [2, 8, 3, 5]],
  ["replacing dead codes", { thresholdEmaDeadCode: 2 }],
  ["frozen", { freezeCodebook: true }],
  ["without a commitment loss", { commitmentWeight: 0 }],
  ["with a weighted commitment loss", { commitmentWeight: 0.25 }],
  ["with normalised vectors", { layernormAfterProjectIn: true, codebookDim: 5 }],
  ["with learnable codes", { learnableCodebook: true }],
  ["with sampled codes", { stochasticSampleCodes: true }],
];

describe("a training pass of vectorQuantize", () => {
  it.each(single)("equals the graph %s", async (_, options, shape = [2, 20, 8]) => {
    const quantizer = vectorQuantize({ dim: 8, codebookSize: 7, ...options });
    expectSame(await both(quantizer as never, shape));
  });

  it("marks a vector that is not finite", async () => {
    const quantizer = vectorQuantize({ dim: 2, codebookSize: 3 });
    const x = np.array([
      [1, 2],
      [Number.NaN, 0],
    ]);
    const variables = quantizer.init(random.key(0));
    const { quantized: out, dispose } = await createTrainingPass(quantizer as never)(variables, x);
    expect((await out.indices.data())[1]).toBe(-1);
    const values = [...(await out.quantized.data())];
    expect(values.map(Number.isFinite)).toEqual([true, true, false, false]);
    expect(await out.loss.data()).toEqual(Float32Array.of(Number.NaN));
    dispose();
  });
});

const residual: [string, Partial<ResidualVQOptions>, number[]?][] = [
  ["by default", {}],
  ["straight through", { gradient: "straightThrough" }],
  ["with sizes of its own per layer", { codebookSize: [5, 7, 3] }],
  ["with a beam", { beamSize: 3 }],
  ["with a weighted beam", { beamSize: 2, beamScoreQuantizerWeights: [1, 0.5, 2] }],
  ["in a smaller codebook", { codebookDim: 3 }],
  ["images", { layout: "image" }, [2, 8, 3, 5]],
  ["replacing dead codes", { thresholdEmaDeadCode: 2 }],
  ["frozen", { freezeCodebook: true }],
  ["with a shared codebook", { sharedCodebook: true }],
  ["with gradients between layers", { quantGradFrac: 0.5 }],
  ["cosine", { metric: "cosine" }],
  ["with dropout", { quantizeDropout: true }],
];

describe("a training pass of residualVQ", () => {
  it.each(residual)("equals the graph %s", async (_, options, shape = [2, 20, 8]) => {
    const quantizer = residualVQ({ dim: 8, codebookSize: 7, numQuantizers: 3, ...options });
    expectSame(await both(quantizer as never, shape, 0.3));
  });
});

const grouped: [string, Partial<GroupedResidualVQOptions>, number[]?][] = [
  ["by default", {}],
  ["of three", { groups: 3, dim: 9 }, [2, 20, 9]],
  ["in smaller codebooks", { codebookDim: 3 }],
  ["of images", { layout: "image" }, [2, 8, 3, 5]],
  ["replacing dead codes", { thresholdEmaDeadCode: 2 }],
  ["without a pass of its own", { metric: "cosine" }],
  ["with dropout", { quantizeDropout: true }],
];

it("says which quantizers train on the kernels", () => {
  const x = np.zeros([1]);
  const grouped = { dim: 4, groups: 2, codebookSize: 3, numQuantizers: 2 };
  const maps = { dim: 4, codebookSize: 3, scales: [1, 2] };
  const paths = [
    vectorQuantize({ dim: 4, codebookSize: 3 }),
    groupedResidualVQ(grouped),
    groupedResidualVQ({ ...grouped, metric: "cosine" }),
    groupedResidualVQ({ ...grouped, quantizeDropout: true }),
    hierarchicalVQ(maps),
    hierarchicalVQ({ ...maps, gradient: "none" }),
    hierarchicalVQ({ ...maps, stochasticSampleCodes: true }),
  ].map((quantizer) => trainingPath(quantizer, x));
  expect(paths).toEqual(["pass", "pass", "apart", "graph", "pass", "pass", "graph"]);
  x.dispose();
});

describe("a training pass of groupedResidualVQ", () => {
  it.each(grouped)("equals the graph %s", async (_, options, shape = [2, 20, 8]) => {
    const base = { dim: 8, groups: 2, codebookSize: 7, numQuantizers: 3 };
    expectSame(await both(groupedResidualVQ({ ...base, ...options }) as never, shape, 0.3));
  });

  it("refuses the whole vector of which a group refuses its part", async () => {
    const quantizer = groupedResidualVQ({ dim: 4, groups: 2, codebookSize: 3, numQuantizers: 1 });
    const run = createTrainingPass(quantizer as never);
    const x = np.array([
      [1, 2, 3, 4],
      [1, 2, Number.NaN, 0],
    ]);
    const { quantized: out, back } = await run(quantizer.init(random.key(0)), x);
    expect([...(await out.indices.data())].map((index) => index < 0)).toEqual([
      ...[false, true],
      ...[false, true],
    ]);
    const gradients = { quantized: np.ones([2, 4]), loss: np.zeros([2, 1]) };
    const { x: home } = await back(gradients);
    expect([...(await home.data())].slice(4)).toEqual([0, 0, 0, 0]);
  });
});

const hierarchical: [string, Partial<HierarchicalVQOptions>][] = [
  ["by default", {}],
  ["with the rotation trick", { gradient: "rotation" }],
  ["with a convolution for every scale", { sharedResiduals: 0 }],
  ["without convolutions", { residualRatio: 0 }],
  ["that keeps its codes", { thresholdEmaDeadCode: 0 }],
  ["of a codebook without a pass of its own", { gradient: "none", commitmentWeight: 0.5 }],
  ["of a codebook that only trains in a graph", { stochasticSampleCodes: true }],
];

describe("a training pass of hierarchicalVQ", () => {
  it.each(hierarchical)("equals the graph %s", async (_, options) => {
    const base = { dim: 4, codebookSize: 7, scales: [1, 2, 4] };
    expectSame(await both(hierarchicalVQ({ ...base, ...options }) as never, [3, 4, 5, 6], 0.5));
  });
});

it("a training pass of a quantizer without one of its own equals the graph", async () => {
  expectSame(await both(fsq({ levels: [5, 3], dim: 4 }) as never, [3, 6, 4]));
});
