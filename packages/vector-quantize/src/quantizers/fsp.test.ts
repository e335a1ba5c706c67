import { grad, jit, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { activations, distributions } from "./fsp/distributions.ts";
import { fsp } from "./fsp.ts";

const numbers = async (x: np.Array) => [...(await x.data())] as number[];
const empty = () => ({ params: {}, state: {} });

describe("distributions", () => {
  it.each(activations)("%s is undone by its inverse", async (name) => {
    const { cdf, inverse } = distributions[name];
    const p = Float32Array.from({ length: 999 }, (_, at) => (at + 1) / 1000);
    const again = await jit((x: np.Array) => cdf(inverse(x)))(np.array(p)).data();
    p.forEach((value, at) => {
      expect(Math.abs((again[at] as number) - value)).toBeLessThan(1e-6);
    });
  });
});

describe("perturbation", () => {
  const levels = [2, 5, 16];
  const x = () => random.normal(random.key(1), [6000, 3]).mul(2);

  it("rounds the given share of the values and moves the others by half a bin at most", async () => {
    const quantizer = fsp({ levels, quantizeRate: 0.25 });
    const { quantized, indices, ...rest } = quantizer.apply(empty(), x(), {
      training: true,
      key: random.key(2),
    });
    tree.dispose(rest);
    expect(await numbers(indices)).toEqual(await numbers(await quantizer.encode(empty(), x())));
    const unit = (value: number) => value / Math.sqrt(12) + 0.5;
    const output = (await numbers(quantized)).map(unit);
    const given = (await numbers(x())).map((value) => (Math.tanh(value) + 1) / 2);
    for (const [d, count] of levels.entries()) {
      let rounded = 0;
      for (let at = d; at < output.length; at += 3) {
        const [p, out] = [given[at] as number, output[at] as number];
        expect(out).toBeGreaterThan(-1e-6);
        expect(out).toBeLessThan(1 + 1e-6);
        expect(Math.abs(out - p)).toBeLessThanOrEqual(0.5 / count + 1e-6);
        const bin = out * count - 0.5;
        if (Math.abs(bin - Math.round(bin)) < 1e-4) rounded++;
      }
      expect(rounded / 6000).toBeCloseTo(0.25, 1.5);
    }
  });

  it("passes the slope of the distribution function, rounded or moved", async () => {
    const quantizer = fsp({ levels, quantizeRate: 0.5, vectorNorm: "none" });
    const loss = (input: np.Array) => {
      const call = { training: true, key: random.key(2) };
      const { quantized, ...rest } = quantizer.apply(empty(), input, call);
      tree.dispose(rest);
      return np.sum(quantized);
    };
    const gradient = await numbers(grad(loss)(x()));
    const given = await numbers(x());
    gradient.forEach((value, at) => {
      const slope = ((1 - Math.tanh(given[at] as number) ** 2) / 2) * Math.sqrt(12);
      expect(value).toBeCloseTo(slope, 4);
    });
  });

  it("asks for a key", () => {
    expect(() => fsp({ levels }).apply(empty(), x(), { training: true })).toThrow(
      "fsp.apply: expected options.key, got none; quantizeRate below 1 draws at random",
    );
  });
});

describe("moments", () => {
  const rows = [
    [1, 0.5],
    [2, -1],
    [4, 3],
    [-3, 0],
  ];
  const expected = (d: number) => {
    const values = rows.map((row) => row[d] as number);
    const mean = values.reduce((a, b) => a + b) / 4;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 3;
    const score = (power: number) =>
      values.reduce((sum, v) => sum + ((v - mean) / Math.sqrt(variance)) ** power, 0) / 4;
    return { mean, variance, skewness: score(3), kurtosis: score(4) - 3 };
  };
  const padded = () => {
    const all = [...rows, [Number.NaN, 9], [7, 7]].flat();
    return np.array(new Float32Array(all), { shape: [1, 6, 2] });
  };
  const masks = () => [
    { lengths: np.array(new Int32Array([4])) },
    { mask: np.array([1, 1, 1, 1, 0, 0]).reshape([1, 6]).greater(0) },
  ];

  it("are those of real vectors", async () => {
    const quantizer = fsp({ levels: [4, 4] });
    const clean = np.where(np.array([1, 1, 1, 1, 0, 0]).reshape([1, 6, 1]).greater(0), padded(), 5);
    for (const mask of masks()) {
      const found = quantizer.moments(empty(), clean.ref, mask);
      for (const [name, values] of Object.entries(found)) {
        const given = await numbers(values);
        for (const d of [0, 1]) {
          const exact = expected(d)[name as keyof ReturnType<typeof expected>];
          expect(given[d], name).toBeCloseTo(exact, 4);
        }
      }
    }
    clean.dispose();
  });

  it("make the loss, with targets and weights of one's own", async () => {
    const vectorNorm = { l1Target: 1, l1Weight: 1, l2Weight: 0.5, l3Weight: 2, l4Target: -1 };
    const quantizer = fsp({ levels: [4, 4], quantizeRate: 1, vectorNorm });
    const squared = (name: keyof ReturnType<typeof expected>, target: number) =>
      [0, 1].reduce((sum, d) => sum + (expected(d)[name] - target) ** 2, 0) / 2;
    const exact =
      squared("mean", 1) +
      0.5 * squared("variance", 1) +
      2 * squared("skewness", 0) +
      0.05 * squared("kurtosis", -1);
    for (const mask of masks()) {
      const { loss, ...rest } = quantizer.apply(empty(), padded(), { training: true, ...mask });
      tree.dispose(rest);
      expect((await numbers(loss))[0]).toBeCloseTo(exact, 3);
    }
  });

  it("of one vector, or of none, give a finite loss with a finite gradient", async () => {
    const quantizer = fsp({ levels: [4, 4], quantizeRate: 1, vectorNorm: "kurt" });
    for (const length of [0, 1]) {
      const loss = (x: np.Array) => {
        const call = { training: true, lengths: np.array(new Int32Array([length])) };
        const { loss, ...rest } = quantizer.apply(empty(), x, call);
        tree.dispose(rest);
        return loss;
      };
      const gradient = await numbers(grad(loss)(random.normal(random.key(0), [1, 3, 2])));
      expect(gradient.every(Number.isFinite)).toBe(true);
    }
  });
});

it.each([{}, { inverseActivation: true, activation: "cauchy" }] as const)(
  "gives back every index of its codes: %j",
  async (options) => {
    const quantizer = fsp({ levels: [8, 5, 7, 16], ...options });
    const every = Int32Array.from({ length: 8 * 5 * 7 * 16 }, (_, index) => index);
    const codes = quantizer.codes(empty(), np.array(every));
    expect(await numbers(quantizer.codesToIndices(empty(), codes))).toEqual([...every]);
  },
);

describe("errors", () => {
  it.each([
    [{ levels: [1] }, "fsp: levels: expected an integer of at least 2, got 1"],
    [{ levels: [4], quantizeRate: 1.5 }, "quantizeRate: expected a number from 0 to 1, got 1.5"],
    [{ levels: [4], activation: "erf" }, 'activation: expected one of "tanh", "sigmoid"'],
    [{ levels: [4], vectorNorm: "var_tanh" }, 'vectorNorm: expected one of "none", "var"'],
    [{ levels: [4], vectorNorm: { l1: 2 } }, 'vectorNorm: option "l1": expected one of l1Target'],
    [{ levels: [4], vectorNorm: { l2Weight: -1 } }, "l2Weight: expected a finite number"],
  ])("name the option: %j", (options, message) => {
    expect(() => fsp(options as never)).toThrow(message);
  });
});
