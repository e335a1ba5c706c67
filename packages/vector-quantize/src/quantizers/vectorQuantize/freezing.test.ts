import { grad, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { leaves } from "../../../../../test/support/arrays.ts";
import type { Projection } from "../../layout/linear.ts";
import { sgd } from "../../train/optimizers.ts";
import { vectorQuantize } from "../vectorQuantize.ts";
import type { VectorQuantizeParams } from "./books.ts";
import type { CodebookBridge } from "./bridge.ts";
import type { VectorQuantizeOptions } from "./options.ts";

const linear: CodebookBridge = {
  name: "linear",
  init: (key, C) => ({ weight: random.normal(key, [C, C]), bias: np.zeros([C]) }),
  apply(params, codebook) {
    const { weight, bias } = params as Projection;
    return np.matmul(codebook, weight).add(bias);
  },
};
const descent = { name: "descent", optimizer: sgd(0.1) };
const optionSets: Record<string, Partial<VectorQuantizeOptions>> = {
  averages: { thresholdEmaDeadCode: 2 },
  "codebook per head": { heads: 2, codebookDim: 2, separateCodebookPerHead: true },
  affine: { affineParam: true },
  learnable: { learnableCodebook: true, thresholdEmaDeadCode: 2 },
  "learnable, cross-entropy": { learnableCodebook: true, commitment: "crossEntropy" },
  "learnable, without gradients to the input": { learnableCodebook: true, gradient: "none" },
  "synchronous updates": { learnableCodebook: true, syncUpdateV: 1 },
  directional: { gradient: "directional", thresholdEmaDeadCode: 2 },
  orthogonal: { orthogonalRegWeight: 1 },
  bridge: { vqBridge: linear, gradient: "none" },
  "in-place optimizer": { learnableCodebook: true, inPlaceCodebookOptimizer: descent },
};

describe.each(Object.keys(optionSets))("frozen: %s", (name) => {
  const x = () => random.normal(random.key(1), [9, 4]);

  it.each([
    ["in the options", { freezeCodebook: true }, {}],
    ["in the call", {}, { freezeCodebook: true }],
  ])("codes and all statistics rest, %s", async (_, options, call) => {
    const quantizer = vectorQuantize({ dim: 4, codebookSize: 6, ...optionSets[name], ...options });
    const { params, state } = quantizer.init(random.key(0));
    const run = (own: VectorQuantizeParams, input: np.Array) =>
      quantizer.apply({ params: own, state: tree.ref(state) }, input, {
        training: true,
        key: random.key(2),
        ...call,
      });
    const { state: after, ...rest } = run(tree.ref(params), x());
    expect(await leaves(after)).toEqual(await leaves(tree.ref(state)));
    tree.dispose(rest as never);

    const objective = (own: VectorQuantizeParams) => {
      const out = run(own, x());
      tree.dispose([out.indices, out.losses, out.state] as never);
      return np.sum(np.square(out.quantized)).add(out.loss);
    };
    const gradient = grad(objective as never) as unknown as (own: typeof params) => typeof params;
    if (Object.keys(params).length === 0) return;
    const byParams = await leaves(gradient(params));
    expect(byParams.flat().every((value) => value === 0)).toBe(true);
  });
});
