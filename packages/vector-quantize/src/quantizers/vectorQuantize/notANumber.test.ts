import { grad, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { leaves, numbers, rowsOf } from "../../../../../test/support/arrays.ts";
import { sgd } from "../../train/optimizers.ts";
import { vectorQuantize } from "../vectorQuantize.ts";
import type { VectorQuantizeParams } from "./books.ts";
import type { VectorQuantizeOptions } from "./options.ts";

const learnableCodebook = true;
const separate = { heads: 2, codebookDim: 2, separateCodebookPerHead: true };
const descent = { name: "descent", optimizer: sgd(0.1) };
const optionSets: Record<string, Partial<VectorQuantizeOptions>> = {
  averages: { thresholdEmaDeadCode: 2 },
  cosine: { metric: "cosine" },
  "codebook per head": separate,
  "shared codebook": { heads: 2, codebookDim: 2 },
  affine: { affineParam: true },
  diversity: { codebookDiversityLossWeight: 1 },
  orthogonal: { orthogonalRegWeight: 1, orthogonalRegActiveCodesOnly: true },
  learnable: { learnableCodebook },
  "learnable, cross-entropy": { learnableCodebook, commitment: "crossEntropy" },
  "learnable, diversity": { learnableCodebook, codebookDiversityLossWeight: 1 },
  "learnable, affine": { learnableCodebook, affineParam: true },
  "learnable, without gradients to the input": { learnableCodebook, gradient: "none" },
  "synchronous updates": { learnableCodebook, syncUpdateV: 0.5 },
  stochastic: { stochasticSampleCodes: true },
  directional: { gradient: "directional", thresholdEmaDeadCode: 2 },
  "in-place optimizer": { ...separate, learnableCodebook, inPlaceCodebookOptimizer: descent },
};

describe.each(Object.keys(optionSets))("a vector of NaN: %s", (name) => {
  const quantizer = vectorQuantize({ dim: 4, codebookSize: 5, ...optionSets[name] });
  const x = () => {
    const bad = np.arange(24).equal(9).reshape([6, 4]);
    return np.where(bad, Number.NaN, random.normal(random.key(1), [6, 4]));
  };
  const call = () => ({ training: true, key: random.key(2) });

  it("poisons no code, neither by the state nor by gradients", async () => {
    const { params, state } = quantizer.init(random.key(0));
    const run = (own: VectorQuantizeParams) =>
      quantizer.apply({ params: own, state: tree.ref(state) }, x(), call());
    const { quantized, indices, state: after, ...rest } = run(tree.ref(params));
    expect((await leaves(after)).flat().every(Number.isFinite)).toBe(true);
    const output = rowsOf(await numbers(quantized), 4);
    expect(output[2]?.every(Number.isNaN)).toBe(true);
    expect(
      output
        .filter((_, n) => n !== 2)
        .flat()
        .every(Number.isFinite),
    ).toBe(true);
    const heads = quantizer.codebookSizes.length;
    expect((await numbers(indices)).filter((index) => index === -1)).toHaveLength(heads);
    tree.dispose(rest as never);

    if (!params.codebook) return;
    const objective = (own: VectorQuantizeParams) => {
      const out = run(own);
      tree.dispose([out.indices, out.losses, out.state] as never);
      return np.sum(np.square(out.quantized)).add(out.loss);
    };
    const gradient = grad(objective as never) as unknown as (own: typeof params) => typeof params;
    const byParams = await leaves(gradient(params));
    expect(byParams.flat().every(Number.isFinite)).toBe(true);
    expect(byParams.flat().some((value) => value !== 0)).toBe(true);
  });
});
