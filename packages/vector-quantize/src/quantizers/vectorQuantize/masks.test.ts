import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { integers, leaves, numbers, rowsOf } from "../../../../../test/support/arrays.ts";
import { sgd } from "../../train/optimizers.ts";
import { checkIndices } from "../checkIndices.ts";
import { vectorQuantize } from "../vectorQuantize.ts";
import type { VectorQuantizeOptions } from "./options.ts";

const [B, N, D] = [2, 4, 3];
const options = { dim: D, codebookSize: 4, codebookDim: 2 } as const;
const x = () => random.normal(random.key(1), [B, N, D]);
const mask = () => np.array([1, 1, 0, 0, 1, 1, 1, 0]).reshape([B, N]).greater(0);
const kept = [0, 1, 4, 5, 6];
const hidden = [2, 3, 7];

describe("masks", () => {
  it.each(["euclidean", "cosine"] as const)("leave padding out (%s, projected)", async (metric) => {
    const quantizer = vectorQuantize({ ...options, metric });
    const variables = quantizer.init(random.key(0));
    const run = (vectors: np.Array, given: object) =>
      quantizer.apply(tree.ref(variables), vectors, { training: true, ...given });
    const masked = run(x(), { mask: mask() });
    const byLength = run(x(), { lengths: integers([2, 3]) });
    const alone = run(np.take(x().reshape([B * N, D]), integers(kept), 0), {});

    const indices = await numbers(masked.indices);
    expect(indices).toEqual(await numbers(byLength.indices));
    expect(kept.map((at) => indices[at])).toEqual(await numbers(alone.indices));
    expect(hidden.map((at) => indices[at])).toEqual([-1, -1, -1]);
    const [loss, expected] = [await numbers(masked.loss), await numbers(alone.loss)];
    expect(loss[0]).toBeCloseTo(expected[0] as number, 6);
    const counts = await numbers(masked.state.clusterSize);
    expect(counts).toEqual(await numbers(alone.state.clusterSize));
    const output = rowsOf(await numbers(masked.quantized), D);
    for (const at of hidden) expect(output[at]).toEqual([0, 0, 0]);
    expect(kept.flatMap((at) => output[at] as number[]).every((v) => v !== 0)).toBe(true);
  });

  it("fill with the input if told so, in every layout", async () => {
    for (const layout of ["channelLast", "channelFirst"] as const) {
      const quantizer = vectorQuantize({ ...options, layout, maskedOutput: "input" });
      const shaped = layout === "channelLast" ? x() : np.moveaxis(x(), 2, 1);
      const variables = quantizer.init(random.key(0));
      const { quantized } = quantizer.apply(variables, shaped.ref, { mask: mask() });
      const last = layout === "channelLast" ? quantized : np.moveaxis(quantized, 1, 2);
      const output = rowsOf(await numbers(last), D);
      const given = rowsOf(await numbers(x()), D);
      for (const at of hidden) expect(output[at]).toEqual(given[at]);
    }
  });

  it("must fit the positions, and only one kind may be given", () => {
    const quantizer = vectorQuantize(options);
    const variables = quantizer.init(random.key(0));
    const run = (given: object) => () => quantizer.apply(tree.ref(variables), x(), given);
    expect(run({ mask: np.zeros([4, 2]).greater(0) })).toThrow("expected [2,4], got [4, 2]");
    expect(run({ mask: np.zeros([2, 4]) })).toThrow("expected bool, got");
    expect(run({ lengths: integers([1, 2, 3]) })).toThrow("expected [2], got [3]");
    expect(run({ mask: mask(), lengths: integers([1, 2]) })).toThrow("got both");
  });
});

describe("lengths", () => {
  it.each([
    ["image", [2, D, 3, 4]],
    ["video", [2, D, 3, 2, 2]],
    ["channelFirst", [2, D, 3]],
    ["channelLast", [2, 3, 4, D]],
  ] as const)("count along the first axis of positions: %s", async (layout, shape) => {
    const quantizer = vectorQuantize({ ...options, layout });
    const variables = quantizer.init(random.key(0));
    const vectors = random.normal(random.key(1), [...shape]);
    const positions = layout === "channelLast" ? shape.slice(0, -1) : [2, ...shape.slice(2)];
    const perRow = positions.slice(2).reduce((product, size) => product * size, 1);
    // One row of the first, two of the second; all else is padding.
    const real = [0, 1, 2, 3, 4, 5].flatMap((row) => Array(perRow).fill(+[0, 3, 4].includes(row)));
    const run = (given: object) => {
      const out = quantizer.apply(tree.ref(variables), vectors.ref, { training: true, ...given });
      return leaves(out);
    };
    const byMask = await run({
      mask: np
        .array(real)
        .reshape([...positions])
        .greater(0),
    });
    expect(await run({ lengths: integers([1, 2]) })).toEqual(byMask);
    const indices = await numbers(
      await quantizer.encode(variables, vectors, { lengths: integers([1, 2]) }),
    );
    expect(indices.map((index) => +(index >= 0))).toEqual(real);
  });
});

const separate = { codebookDim: 2, heads: 2, separateCodebookPerHead: true };
const optionSets: Record<string, Partial<VectorQuantizeOptions>> = {
  plain: {},
  cosine: { metric: "cosine" },
  "dead codes": { thresholdEmaDeadCode: 2 },
  "codebook per head": separate,
  "cross-entropy": { commitment: "crossEntropy" },
  affine: { affineParam: true },
  diversity: { codebookDiversityLossWeight: 1 },
  directional: { gradient: "directional", thresholdEmaDeadCode: 2 },
  gumbel: { gradient: "gumbel" },
  "in-place optimizer": {
    ...separate,
    learnableCodebook: true,
    inPlaceCodebookOptimizer: { name: "descent", optimizer: sgd(0.1) },
  },
};

describe.each(Object.keys(optionSets))("no real position at all: %s", (name) => {
  const quantizer = vectorQuantize({ dim: D, codebookSize: 4, ...optionSets[name] });
  const none = () => np.zeros([B, N]).greater(0);

  it("has a loss of 0 and leaves codes and statistics as they are", async () => {
    const start = quantizer.init(random.key(0));
    const first = quantizer.apply(tree.ref(start), x(), { training: true, key: random.key(1) });
    tree.dispose([first.quantized, first.indices, first.loss, first.losses]);
    const variables = { params: start.params, state: first.state };
    const { loss, quantized, state } = quantizer.apply(tree.ref(variables), x(), {
      training: true,
      key: random.key(0),
      mask: none(),
    });
    expect((await numbers(loss))[0]).toBeCloseTo(0, 6);
    expect(await numbers(quantized)).toEqual(new Array(B * N * D).fill(0));
    const before = await numbers(quantizer.codebook(tree.ref(variables)));
    const after = await numbers(
      quantizer.codebook({ params: tree.ref(variables.params), state: tree.ref(state) }),
    );
    after.forEach((value, at) => {
      // The smoothing of counts that shrink moves them in the fifth digit.
      expect(value).toBeCloseTo(before[at] as number, 3);
    });
    const statistics = ({ affine }: typeof state) => leaves(affine ? tree.ref(affine) : []);
    expect(await statistics(state)).toEqual(await statistics(variables.state));
    expect((await leaves(state)).flat().every(Number.isFinite)).toBe(true);
  });
});

describe("indices that no code has", () => {
  const quantizer = vectorQuantize(options);
  const variables = quantizer.init(random.key(0));
  const encoded = () => quantizer.encode(tree.ref(variables), x(), { mask: mask() });
  const output = (indices: np.Array, given = {}) =>
    numbers(quantizer.decode(tree.ref(variables), indices, given));

  it("decode to NaN", async () => {
    const decoded = rowsOf(await output(integers([-1, 0, 4])), D);
    expect(decoded.map((row) => row.every(Number.isNaN))).toEqual([true, false, true]);
  });

  it("decode to zeros where a mask or lengths say so, as they come out of apply", async () => {
    const { quantized, ...rest } = quantizer.apply(tree.ref(variables), x(), { mask: mask() });
    const expected = await numbers(quantized);
    expect(await output(await encoded(), { mask: mask() })).toEqual(expected);
    expect(await output(await encoded(), { lengths: integers([2, 3]) })).toEqual(expected);
    tree.dispose(rest);
  });

  it("are found before decoding, by row and value", async () => {
    const check = (values: number[]) => checkIndices(quantizer, integers(values));
    expect(await numbers(await check([0, 3, 1]))).toEqual([0, 3, 1]);
    await expect(check([0, 4, 1])).rejects.toThrow(
      "vectorQuantize: indices: row 1: expected 0 to 3, got 4",
    );
    await expect(check([0, 1, -1])).rejects.toThrow(
      "row 2: expected 0 to 3, got -1. It stands for a vector that is not real",
    );
    await expect(check([-2])).rejects.toThrow("row 0: expected 0 to 3, got -2");
  });

  it("may stand where a mask or lengths say so", async () => {
    const indices = await encoded();
    const found = await numbers(indices.ref);
    const checked = await checkIndices(quantizer, indices.ref, { mask: mask() });
    expect(await numbers(checked)).toEqual(found);
    const byLength = await checkIndices(quantizer, indices.ref, { lengths: integers([2, 3]) });
    expect(await numbers(byLength)).toEqual(found);
    await expect(
      checkIndices(quantizer, indices.ref, { lengths: integers([2, 4]) }),
    ).rejects.toThrow("row 7: expected 0 to 3, got -1");
    await expect(checkIndices(quantizer, indices, { lengths: integers([2]) })).rejects.toThrow(
      "shape of lengths: expected [2], got [1]",
    );
  });

  it("are named by the head, too", async () => {
    const heads = vectorQuantize({ dim: 4, codebookSize: 3, heads: 2, codebookDim: 2 });
    const indices = integers([0, 1, 2, 3, -1, -1, 0, 0], [2, 2, 2]);
    await expect(checkIndices(heads, indices.ref)).rejects.toThrow(
      "layer 1, row 1: expected 0 to 2, got 3",
    );
    const real = np.array([1, 0, 0, 1]).reshape([2, 2]).greater(0);
    expect(await numbers(await checkIndices(heads, indices, { mask: real }))).toHaveLength(8);
  });
});
