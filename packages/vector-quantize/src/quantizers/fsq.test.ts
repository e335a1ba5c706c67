import { grad, jit, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { type FiniteScalarQuantizer, fsq } from "./fsq.ts";

const numbers = async (x: np.Array) => [...(await x.data())] as number[];
const floats = (rows: number[][]) =>
  np.array(new Float32Array(rows.flat()), { shape: [rows.length, rows[0]?.length ?? 0] });
const empty = () => ({ params: {}, state: {} });
const times = <T>(count: number, value: T) => Array.from({ length: count }, () => value);

describe("round trips of indices", () => {
  /** `codesToIndices(codes(i)) == i`, for all of `indices`. */
  const wrong = async (quantizer: FiniteScalarQuantizer, indices: Int32Array) => {
    const { codebookSizes: sizes } = quantizer;
    const words = sizes.length > 1 ? [sizes.length] : [];
    const shape = [indices.length / sizes.length, ...words];
    const codes = quantizer.codes(empty(), np.array(indices, { shape }));
    const again = await quantizer.codesToIndices(empty(), codes).data();
    return indices.reduce((count, index, at) => count + Number(again[at] !== index), 0);
  };

  it.each([
    ["8^6 4", { levels: [8, 8, 8, 8, 8, 8, 4] }],
    ["symmetric, 2^20", { levels: times(20, 2), preserveSymmetry: true }],
    ["symmetric, 16 64 1024", { levels: [16, 64, 1024], preserveSymmetry: true }],
  ])("are exact for every index: %s", async (_, options) => {
    const every = Int32Array.from({ length: 2 ** 20 }, (__, index) => index);
    expect(await wrong(fsq(options), every)).toBe(0);
  });

  it.each([
    ["8^9", { levels: times(9, 8) }],
    ["8^10", { levels: times(10, 8) }],
    ["2^30", { levels: times(30, 2), preserveSymmetry: true }],
    ["8^11, past int32", { levels: times(11, 8) }],
  ])("are exact for 100,000 random indices: %s", async (_, options) => {
    const quantizer = fsq(options);
    const { codebookSizes: sizes } = quantizer;
    const drawn = await random.uniform(random.key(3), [1e5 * sizes.length]).data();
    const indices = Int32Array.from(drawn as Float32Array, (value, at) =>
      Math.floor(value * (sizes[at % sizes.length] as number)),
    );
    expect(await wrong(quantizer, indices)).toBe(0);
  });
});

describe("noise dropout", () => {
  const levels = [2, 5, 9];
  const x = () => random.normal(random.key(1), [4000, 3]);
  const moved = async (options: object) => {
    const quantizer = fsq({ levels, preserveSymmetry: true, ...options });
    const call = { training: true, key: random.key(2) };
    const noisy = quantizer.apply(empty(), x(), call);
    const quiet = quantizer.apply(empty(), x());
    expect(await numbers(noisy.indices)).toEqual(await numbers(quiet.indices));
    const [a, b] = [await numbers(noisy.quantized), await numbers(quiet.quantized)];
    expect(Math.max(...a.map(Math.abs))).toBeLessThanOrEqual(1);
    return levels.map((_, d) =>
      a.map((value, at) => value - (b[at] as number)).filter((__, at) => at % 3 === d),
    );
  };

  it("moves the given share of the values by less than half a step of their level", async () => {
    const gaps = await moved({ noiseDropout: 0.25 });
    for (const [d, gap] of gaps.entries()) {
      const step = 2 / ((levels[d] as number) - 1);
      expect(Math.max(...gap.map(Math.abs))).toBeLessThanOrEqual(step / 2 + 1e-6);
      expect(Math.max(...gap)).toBeGreaterThan(step * 0.45);
      // Of the values at the ends, half of the noise is cut off: count the others' share.
      if (d > 0) expect(gap.filter((value) => value !== 0).length / 4000).toBeGreaterThan(0.15);
      expect(gap.filter((value) => value !== 0).length / 4000).toBeLessThan(0.27);
    }
  });

  it("of fixed scale reaches half as far as the range, whatever the level", async () => {
    for (const gap of await moved({ noiseDropout: 1, noiseScale: "fixed" })) {
      expect(Math.max(...gap.map(Math.abs))).toBeLessThanOrEqual(0.5);
      expect(Math.max(...gap)).toBeGreaterThan(0.45);
    }
  });

  it("asks for a key", () => {
    const quantizer = fsq({ levels, preserveSymmetry: true, noiseDropout: 0.5 });
    expect(() => quantizer.apply(empty(), x(), { training: true })).toThrow(
      "fsq.apply: expected options.key, got none; noiseDropout draws at random",
    );
  });
});

it("gives neighbours in one dimension neighbouring levels, all of them", async () => {
  for (const options of [
    { levels: [7] },
    { levels: [8] },
    { levels: [8], preserveSymmetry: true },
    { levels: [8], boundHardClamp: true },
    { levels: [2001] },
  ]) {
    const count = options.levels[0] as number;
    const line = np.linspace(-9, 9, 40_001).reshape([-1, 1]);
    const indices = await numbers(await fsq(options).encode(empty(), line));
    expect(indices.every((level, at) => at === 0 || level >= (indices[at - 1] as number))).toBe(
      true,
    );
    expect([indices[0], indices.at(-1)]).toEqual([0, count - 1]);
    expect(new Set(indices).size).toBe(count);
  }
});

it("passes gradients by the slope of the bound", async () => {
  const quantizer = fsq({ levels: [5, 5], preserveSymmetry: true });
  const loss = (x: np.Array) => {
    const { quantized, ...rest } = quantizer.apply(empty(), x, { training: true });
    tree.dispose(rest);
    return np.sum(quantized);
  };
  const x = [0, 0.3, -1, 2];
  const gradient = await numbers(jit(grad(loss))(floats([x.slice(0, 2), x.slice(2)])));
  gradient.forEach((value, at) => {
    expect(value).toBeCloseTo(1 - Math.tanh(x[at] as number) ** 2, 5);
  });
});

it("marks a vector with NaN or infinity by -1 in all codebooks; any other has its levels", async () => {
  const quantizer = fsq({ levels: [5, 5], numCodebooks: 2 });
  const x = () =>
    floats([
      [Number.NaN, 0, 1, 2],
      [0, 0, 1, Number.NEGATIVE_INFINITY],
      [0, 0, 3.4e38, -3.4e38],
    ]);
  for (const training of [false, true]) {
    const { quantized, indices } = quantizer.apply(empty(), x(), { training });
    expect(await numbers(indices)).toEqual([-1, -1, -1, -1, 12, 4]);
    const output = await numbers(quantized);
    expect(output.slice(0, 8).every(Number.isNaN)).toBe(true);
    expect(output.slice(8)).toEqual([0, 0, 1, -1]);
  }
  expect(await numbers(await quantizer.encode(empty(), x()))).toEqual([-1, -1, -1, -1, 12, 4]);
  const past = quantizer.decode(empty(), np.array(new Int32Array([-1, 25]), { shape: [1, 2] }));
  expect((await numbers(past)).every(Number.isNaN)).toBe(true);
});

describe("masks", () => {
  it("leave padding out: index -1, output 0, gradient 0, whatever stands there", async () => {
    const quantizer = fsq({ levels: [5, 5], dim: 3, numCodebooks: 2 });
    const variables = quantizer.init(random.key(0));
    const mask = () => np.array([1, 1, 0, 1, 0, 0]).reshape([2, 3]).greater(0);
    const clean = random.normal(random.key(1), [2, 3, 3]);
    const x = np.where(mask().reshape([2, 3, 1]), clean.ref, Number.NaN);
    const all = await numbers(await quantizer.encode(tree.ref(variables), clean));
    for (const given of [{ mask: mask() }, { lengths: np.array(new Int32Array([2, 1])) }]) {
      const { quantized, indices, ...rest } = quantizer.apply(tree.ref(variables), x.ref, {
        training: true,
        ...given,
      });
      tree.dispose(rest);
      const found = await numbers(indices);
      expect(found).toEqual(all.map((index, at) => ([2, 4, 5].includes(at >> 1) ? -1 : index)));
      const output = await numbers(quantized);
      for (const at of [2, 4, 5]) expect(output.slice(at * 3, at * 3 + 3)).toEqual([0, 0, 0]);
      expect(output.every(Number.isFinite)).toBe(true);
    }
    const loss = (input: np.Array) => {
      const options = { training: true, mask: mask() };
      const { quantized, ...rest } = quantizer.apply(tree.ref(variables), input, options);
      tree.dispose(rest);
      return np.sum(np.square(quantized));
    };
    const gradient = await numbers(jit(grad(loss))(x));
    expect(gradient.every(Number.isFinite)).toBe(true);
    for (const at of [2, 4, 5]) expect(gradient.slice(at * 3, at * 3 + 3)).toEqual([0, 0, 0]);
    tree.dispose(variables);
  });
});

it("turns latents by an orthogonal matrix, another for every key", async () => {
  const quantizer = fsq({ levels: times(6, 5), orthogonalRotation: true });
  const matrix = async (seed: number) => {
    const { state } = quantizer.init(random.key(seed));
    return numbers(np.matmul(state.rotation as np.Array, np.eye(6)));
  };
  const [first, second] = [await matrix(0), await matrix(1)];
  expect(first).not.toEqual(second);
  for (let i = 0; i < 6; i++) {
    for (let j = 0; j < 6; j++) {
      let dot = 0;
      for (let k = 0; k < 6; k++)
        dot += (first[i * 6 + k] as number) * (first[j * 6 + k] as number);
      expect(dot).toBeCloseTo(i === j ? 1 : 0, 5);
    }
  }
});

describe("errors", () => {
  it.each([
    [{ levels: [] }, "fsq: levels: expected a list of at least one number of levels, got []"],
    [{ levels: [5, 2] }, "expected at least 3 levels each, got [5, 2]. Turn on preserveSymmetry"],
    [{ levels: [5], noiseDropout: 0.5 }, "noiseDropout: expected 0 without preserveSymmetry"],
    [{ levels: [5], numCodebooks: 0 }, "numCodebooks: expected an integer of at least 1, got 0"],
    [
      { levels: [5], numCodebooks: 2, keepNumCodebooksDim: false },
      "keepNumCodebooksDim: expected true with several codebooks, got false",
    ],
    [{ levels: [5], dim: 1.5 }, "dim: expected an integer of at least 1, got 1.5"],
    [{ levels: [5], layout: "NCHW" }, 'layout: expected one of "channelLast"'],
    [{ levels: [5], boundHardClamp: 1 }, "boundHardClamp: expected true or false, got 1"],
    [{ levels: [5], noiseScale: "wide" }, 'noiseScale: expected one of "step", "fixed"'],
    [{ levels: [5], channelFirst: true }, 'option "channelFirst": expected one of levels,'],
  ])("name the option: %j", (options, message) => {
    expect(() => fsq(options as never)).toThrow(message);
  });

  it("say what indices should look like", () => {
    const quantizer = fsq({ levels: [5, 5], numCodebooks: 3 });
    const decode = (shape: number[]) => () =>
      quantizer.decode(empty(), np.zeros(shape, { dtype: np.int32 }));
    expect(decode([2, 4])).toThrow(
      "fsq.decode: shape of indices: expected [...positions, 3], got [2, 4]",
    );
    expect(decode([3])).toThrow("got [3]");
  });
});
