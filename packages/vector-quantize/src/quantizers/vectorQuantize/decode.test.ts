import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { leaves, numbers } from "../../../../../test/support/arrays.ts";
import type { Projection } from "../../layout/linear.ts";
import { sgd } from "../../train/optimizers.ts";
import { vectorQuantize } from "../vectorQuantize.ts";
import type { CodebookBridge } from "./bridge.ts";
import type { VectorQuantizeOptions } from "./options.ts";

const linear: CodebookBridge = {
  name: "linear",
  init: (key, C) => ({ weight: random.normal(key, [C, C]), bias: np.ones([C]) }),
  apply(params, codebook) {
    const { weight, bias } = params as Projection;
    return np.matmul(codebook, weight).add(bias);
  },
};
const separate = { heads: 2, codebookDim: 3, separateCodebookPerHead: true };
const optionSets: Record<string, Partial<VectorQuantizeOptions>> = {
  affine: { affineParam: true },
  "affine, projected heads": { affineParam: true, ...separate, codebookDim: 2 },
  bridge: { vqBridge: linear },
  "affine bridge": { vqBridge: linear, affineParam: true },
  "projected bridge": { vqBridge: linear, codebookDim: 4 },
  learnable: { learnableCodebook: true, thresholdEmaDeadCode: 2 },
  orthogonal: { orthogonalRegWeight: 1 },
  directional: { gradient: "directional", thresholdEmaDeadCode: 2 },
  stochastic: { stochasticSampleCodes: true },
  "in-place optimizer": {
    ...separate,
    learnableCodebook: true,
    inPlaceCodebookOptimizer: { name: "descent", optimizer: sgd(0.1) },
  },
};

describe.each(Object.keys(optionSets))("after training: %s", (name) => {
  const quantizer = vectorQuantize({ dim: 6, codebookSize: 12, ...optionSets[name] });
  const x = (seed: number) => random.normal(random.key(seed), [4, 5, 6]).mul(2).add(3);
  const trained = async () => {
    const { params, state: fresh } = quantizer.init(random.key(0));
    let state = fresh;
    for (const seed of [1, 2, 3]) {
      const call = { params: tree.ref(params), state };
      const out = quantizer.apply(call, x(seed), { training: true, key: random.key(seed) });
      const { state: moved, ...rest } = out;
      tree.dispose(rest);
      state = moved;
    }
    return { params, state };
  };

  it("decodes indices to the very output of evaluation, which comes out twice alike", async () => {
    const variables = await trained();
    const evaluate = () => quantizer.apply(tree.ref(variables), x(9));
    const [first, second] = [evaluate(), evaluate()];
    const output = await numbers(first.quantized);
    expect(await numbers(second.quantized)).toEqual(output);
    const decoded = quantizer.decode(tree.ref(variables), first.indices.ref);
    expect(await numbers(decoded)).toEqual(output);
    const encoded = await quantizer.encode(tree.ref(variables), x(9));
    expect(await numbers(encoded)).toEqual(await numbers(first.indices));
    expect(await leaves(first.state)).toEqual(await leaves(variables.state));
    tree.dispose([first.loss, first.losses, second.loss, second.losses, variables.params] as never);
  });
});
