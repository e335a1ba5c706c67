import { grad, jit, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { type LatentQuantizer, latentQuantize } from "./latentQuantize.ts";

const numbers = async (x: np.Array) => [...(await x.data())] as number[];
const floats = (values: number[]) => np.array(new Float32Array(values));
const withValues = (...values: number[][]) => ({
  params: { values: values.map(floats) },
  state: {},
});

describe("values", () => {
  it("start from -0.5, with 0 among them", async () => {
    const { params } = latentQuantize({ levels: [5, 4], dim: 2 }).init(random.key(0));
    const [odd, even] = await Promise.all((params.values ?? []).map(numbers));
    expect(odd).toEqual([-0.5, -0.25, 0, 0.25, 0.5]);
    expect(even).toEqual([-0.5, -0.25, 0, 0.25]);
  });

  it("are what indices decode to, wherever they have moved", async () => {
    const quantizer = latentQuantize({ levels: [3, 2], dim: 2 });
    const variables = () => withValues([-2, 0.1, 5], [1, -1]);
    const x = floats([4, 0.2, -0.5, -3]).reshape([2, 2]);
    const { quantized, indices } = quantizer.apply(variables(), x);
    expect(await numbers(indices)).toEqual([2, 1 + 3]);
    const expected = [5, 1, 0.1, -1].map(Math.fround);
    expect(await numbers(quantized)).toEqual(expected);
    const codes = quantizer.codes(variables(), np.array(new Int32Array([2, 4])));
    expect(await numbers(codes.ref)).toEqual(expected);
    expect(await numbers(quantizer.codesToIndices(variables(), codes))).toEqual([2, 4]);
  });

  it("give back every index of their codes", async () => {
    const quantizer = latentQuantize({ levels: [6, 10, 7], dim: 3 });
    const variables = quantizer.init(random.key(0));
    const every = Int32Array.from({ length: 420 }, (_, index) => index);
    const codes = quantizer.codes(tree.ref(variables), np.array(every));
    expect(await numbers(quantizer.codesToIndices(variables, codes))).toEqual([...every]);
  });

  it("are found for 20,000 vectors without a wrong index", async () => {
    const quantizer = latentQuantize({ levels: [6, 10], dim: 2 });
    const x = random.uniform(random.key(1), [20_000, 2], { minval: -1.5, maxval: 1.5 });
    const given = await numbers(x.ref);
    const found = await numbers(await quantizer.encode(quantizer.init(random.key(0)), x));
    let wrong = 0;
    found.forEach((index, n) => {
      const levels = [index % 6, Math.floor(index / 6)];
      for (const [d, count] of [6, 10].entries()) {
        const gap = (level: number) =>
          Math.abs((given[2 * n + d] as number) - Math.fround(level / count - 0.5));
        const least = Math.min(...Array.from({ length: count }, (_, level) => gap(level)));
        if (gap(levels[d] as number) > least + 1e-6) wrong++;
      }
    });
    expect(wrong).toBe(0);
  });
});

describe("losses", () => {
  const values = [
    [-1, 0, 1],
    [0, 2],
  ];
  const x = () => floats([0.8, 1.5, -0.3, 0.4]).reshape([2, 2]); // to 1, 2 and 0, 0
  const gaps = [-0.2, -0.5, -0.3, 0.4]; // x - value

  const gradients = async (quantizer: LatentQuantizer) => {
    const loss = (input: np.Array, first: np.Array, second: np.Array) => {
      const variables = { params: { values: [first, second] }, state: {} };
      const { loss, ...rest } = quantizer.apply(variables, input, { training: true });
      tree.dispose(rest);
      return loss;
    };
    const by = jit(grad(loss, { argnums: [0, 1, 2] }));
    const [byX, first, second] = by(x(), floats(values[0] ?? []), floats(values[1] ?? []));
    const value = await numbers(jit(loss)(x(), floats(values[0] ?? []), floats(values[1] ?? [])));
    return {
      value: value[0],
      byX: await numbers(byX),
      byValues: [await numbers(first), await numbers(second)],
    };
  };
  const near = (found: number[], expected: number[]) => {
    expect(found.length).toBe(expected.length);
    found.forEach((value, at) => {
      expect(value).toBeCloseTo(expected[at] as number, 5);
    });
  };
  const mean = gaps.reduce((sum, gap) => sum + gap * gap, 0) / 4;

  it("of commitment moves the latents alone", async () => {
    const options = { levels: [3, 2], dim: 2, quantizationLossWeight: 0 };
    const found = await gradients(latentQuantize({ ...options, commitmentLossWeight: 0.5 }));
    expect(found.value).toBeCloseTo(0.5 * mean, 6);
    near(
      found.byX,
      gaps.map((gap) => (0.5 * 2 * gap) / 4),
    );
    expect(found.byValues.flat()).toEqual([0, 0, 0, 0, 0]);
  });

  it("of quantization moves the values alone", async () => {
    const options = { levels: [3, 2], dim: 2, commitmentLossWeight: 0 };
    const found = await gradients(latentQuantize({ ...options, quantizationLossWeight: 2 }));
    expect(found.value).toBeCloseTo(2 * mean, 6);
    expect(found.byX).toEqual([0, 0, 0, 0]);
    near(found.byValues[0] as number[], [0, 0.3, 0.2]);
    near(found.byValues[1] as number[], [-0.4, 0.5]);
  });

  it("train the values to the means of the latents they get", async () => {
    const quantizer = latentQuantize({ levels: [2], dim: 1, quantizationLossWeight: 1 });
    const data = () => floats([-0.9, -1.1, 0.3, 0.5]).reshape([4, 1]);
    const step = jit(
      grad((own: np.Array, input: np.Array) => {
        const variables = { params: { values: [own] }, state: {} };
        const { loss, ...rest } = quantizer.apply(variables, input, { training: true });
        tree.dispose(rest);
        return loss;
      }),
    );
    let own = (quantizer.init(random.key(0)).params.values ?? [])[0] as np.Array;
    for (let i = 0; i < 60; i++) own = own.ref.sub(step(own, data()).mul(0.5));
    near(await numbers(own), [-1, 0.4]);
  });

  it("leave padding out, whatever stands there", async () => {
    const quantizer = latentQuantize({ levels: [3, 2], dim: 2 });
    const run = async (input: np.Array, mask: object) => {
      const variables = withValues(...values);
      const { loss, ...rest } = quantizer.apply(variables, input, { training: true, ...mask });
      tree.dispose(rest);
      return (await numbers(loss))[0] as number;
    };
    const dirty = floats([0.8, 1.5, Number.NaN, 7, -0.3, 0.4]).reshape([1, 3, 2]);
    const mask = np.array([1, 0, 1]).reshape([1, 3]).greater(0);
    expect(await run(dirty, { mask })).toBeCloseTo(await run(x(), {}), 6);
  });
});

it("keeps values that do not learn in the state", async () => {
  const quantizer = latentQuantize({ levels: 3, codebookDim: 2, dim: 2, optimizeValues: false });
  const { params, state } = quantizer.init(random.key(0));
  expect(params).toEqual({});
  expect(state.values?.length).toBe(2);
  tree.dispose(state);
});

describe("errors", () => {
  it.each([
    [{ levels: 5, dim: 3 }, "codebookDim, with one number of levels: expected an integer"],
    [{ levels: [5, 5], dim: 2, codebookDim: 3 }, "codebookDim: expected the number of levels, 2"],
    [
      { levels: [5, 1], dim: 2 },
      "latentQuantize: levels: expected an integer of at least 2, got 1",
    ],
    [{ levels: [5] }, "latentQuantize: dim: expected an integer of at least 1, got undefined"],
    [{ levels: [5], dim: 1, commitmentLossWeight: -1 }, "commitmentLossWeight: expected a finite"],
    [{ levels: [5], dim: 1, inPlace: 1 }, 'option "inPlace": expected one of levels,'],
  ])("name the option: %j", (options, message) => {
    expect(() => latentQuantize(options as never)).toThrow(message);
  });
});
