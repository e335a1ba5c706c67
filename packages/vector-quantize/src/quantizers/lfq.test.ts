import { grad, jit, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { entropiesOverCodes } from "../../../../test/support/codeEntropies.ts";
import type { Quantizer } from "./contract.ts";
import type { LfqOptions } from "./lfq/options.ts";
import { type LookupFreeBinaryQuantizer, lfq } from "./lfq.ts";
import { quantizerFromConfig } from "./registry.ts";
import { createTrainingPass } from "./trainingPass.ts";

const numbers = async (x: np.Array) => [...(await x.data())] as number[];
const empty = () => ({ params: {}, state: {} });
const floats = (rows: number[][]) =>
  np.array(new Float32Array(rows.flat()), { shape: [rows.length, rows[0]?.length ?? 0] });

describe("bit order", () => {
  it("has the first dimension as the highest bit, in encoding and in decoding", async () => {
    const quantizer = lfq({ codebookSize: 8 });
    const x = floats([
      [1, -1, -1],
      [-1, -1, 1],
      [0, 2, 0],
    ]);
    expect(await numbers(await quantizer.encode(empty(), x))).toEqual([4, 1, 2]);
    const codes = await numbers(quantizer.codes(empty(), np.array(new Int32Array([4, 1, 2]))));
    expect(codes).toEqual([1, -1, -1, -1, -1, 1, -1, 1, -1]);
    const bits = quantizer.levelIndices(np.array(new Int32Array([6])));
    expect(await numbers(bits)).toEqual([1, 1, 0]);
  });
});

describe("round trips of indices", () => {
  const wrong = async (quantizer: LookupFreeBinaryQuantizer, indices: Int32Array) => {
    const { codebookSizes: sizes } = quantizer;
    const words = sizes.length > 1 ? [sizes.length] : [];
    const given = np.array(indices, { shape: [indices.length / sizes.length, ...words] });
    const again = await quantizer.codesToIndices(empty(), quantizer.codes(empty(), given)).data();
    return indices.reduce((count, index, at) => count + Number(again[at] !== index), 0);
  };

  it("are exact for every index of 2^20", async () => {
    const every = Int32Array.from({ length: 2 ** 20 }, (_, index) => index);
    expect(await wrong(lfq({ codebookSize: 2 ** 20 }), every)).toBe(0);
  });

  it.each([
    ["2^30", { codebookSize: 2 ** 30 }],
    ["2^30 on the sphere", { codebookSize: 2 ** 30, spherical: true }],
    ["2^36, in two words", { dim: 36 }],
  ])("are exact for 100,000 random indices of %s", async (_, options) => {
    const quantizer = lfq(options);
    const { codebookSizes: sizes } = quantizer;
    const drawn = (await random
      .uniform(random.key(3), [1e5 * sizes.length])
      .data()) as Float32Array;
    const indices = Int32Array.from(drawn, (value, at) =>
      Math.floor(value * (sizes[at % sizes.length] as number)),
    );
    expect(await wrong(quantizer, indices)).toBe(0);
  });
});

describe("losses", () => {
  const x = () => random.normal(random.key(1), [2, 6, 4]);
  const mask = () => np.array([1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0]).reshape([2, 6]).greater(0);
  const options = { codebookSize: 16, temperature: 1, commitmentLossWeight: 0.25 };
  const lossesOf = async (quantizer: LookupFreeBinaryQuantizer, given: np.Array, call: object) => {
    const { loss, losses, ...rest } = quantizer.apply(empty(), given, { training: true, ...call });
    tree.dispose(rest);
    const names = Object.keys(losses);
    const values = await Promise.all([loss, ...Object.values(losses)].map(numbers));
    return Object.fromEntries(["loss", ...names].map((name, at) => [name, values[at]?.[0]]));
  };

  it("leave padding out, whatever stands there", async () => {
    const quantizer = lfq(options);
    const kept = np.take(x().reshape([12, 4]), np.array(new Int32Array([0, 1, 2, 6, 7])), 0);
    const alone = await lossesOf(quantizer, kept, {});
    const dirty = np.where(mask().reshape([2, 6, 1]), x(), Number.NaN);
    for (const masked of [{ mask: mask() }, { lengths: np.array(new Int32Array([3, 2])) }]) {
      const found = await lossesOf(quantizer, dirty.ref, masked);
      for (const [name, value] of Object.entries(alone)) {
        expect(found[name], name).toBeCloseTo(value as number, 5);
      }
    }
    dirty.dispose();
  });

  it("are 0 with no real vector, also behind a softplus", async () => {
    for (const softplusEntropyLoss of [false, true]) {
      const quantizer = lfq({ ...options, softplusEntropyLoss });
      const { loss } = await lossesOf(quantizer, x(), { mask: np.zeros([2, 6]).greater(0) });
      expect(loss).toBeCloseTo(0, 6);
    }
  });

  it("take the temperature of the call before that of the options", async () => {
    const cold = await lossesOf(lfq({ ...options, temperature: 0.2 }), x(), {});
    expect(await lossesOf(lfq(options), x(), { temperature: 0.2 })).toEqual(cold);
    expect(await lossesOf(lfq(options), x(), {})).not.toEqual(cold);
  });

  it("of a fraction are of that many of the real vectors", async () => {
    const quantizer = lfq({ codebookSize: 4, temperature: 1, fracPerSampleEntropy: 0.5 });
    // Twelve vectors, one in six at 0 with an entropy of 2 bits, the others decided.
    const rows = Array.from({ length: 12 }, (_, n) => (n % 6 === 0 ? [0, 0] : [30, 30]));
    const seen = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const { perSampleEntropy } = await lossesOf(quantizer, floats(rows), {
        key: random.key(seed),
      });
      seen.add(Math.round(((perSampleEntropy as number) / Math.log(4)) * 6));
    }
    expect([...seen].sort()).toEqual([0, 1, 2]); // none, one or both of the two among six
    const masked = await lossesOf(quantizer, floats(rows), {
      key: random.key(0),
      mask: np.array(rows.map((row) => row[0] as number)).less(1),
    });
    expect(masked.perSampleEntropy).toBeCloseTo(Math.log(4), 5); // the one real vector drawn
    expect(() => quantizer.apply(empty(), floats(rows), { training: true })).toThrow(
      "lfq.apply: expected options.key, got none; fracPerSampleEntropy draws at random",
    );
  });

  it("without a weight are not computed", async () => {
    const found = await lossesOf(lfq({ codebookSize: 16, entropyLossWeight: 0 }), x(), {});
    expect(found).toEqual({ loss: 0, perSampleEntropy: 0, batchEntropy: 0, commitment: 0 });
  });

  it.each([
    ["", { temperature: 1, diversityGamma: 2 }, 1],
    ["on the sphere", { temperature: 0.1, spherical: true, codebookScale: 2 }, 1],
    ["of two codebooks", { temperature: 0.5, numCodebooks: 2, entropyFloor: 0 }, 2],
  ])("of 2^19 codes %s are over all of them, on both paths", async (_, more, codebooks) => {
    const quantizer = lfq({ codebookSize: 2 ** 19, ...more });
    const width = 19 * codebooks;
    const x = random.normal(random.key(4), [3, width]);
    const rows = (await x.ref.data()) as Float32Array;
    const {
      codebookScale: scale = 1,
      spherical,
      entropyFloor = 1e-5,
      diversityGamma = 1,
    } = {
      ...(more as LfqOptions),
    };
    const exact = { perSample: 0, batch: 0 };
    for (let codebook = 0; codebook < codebooks; codebook++) {
      const logits = [0, 1, 2].map((n) => {
        const own = [...rows.subarray(n * width + 19 * codebook, n * width + 19 * (codebook + 1))];
        const entry = spherical ? scale ** 2 / Math.sqrt(19) / Math.hypot(...own) : scale;
        return own.map((value) => (4 * entry * value) / more.temperature);
      });
      const { perSample, batch } = entropiesOverCodes(logits, [1 / 3, 1 / 3, 1 / 3], entropyFloor);
      exact.perSample += perSample / codebooks;
      exact.batch += batch / codebooks;
    }
    const gap = exact.perSample - diversityGamma * exact.batch;
    const padded = np.concatenate([x.ref, np.full([1, width], Number.NaN)], 0);
    const mask = np.array([1, 1, 1, 0]).greater(0);
    const graph = await lossesOf(quantizer, padded, { mask });
    const pass = await createTrainingPass(quantizer as unknown as Quantizer)(empty(), x);
    const kernels = await numbers(pass.quantized.loss.ref);
    tree.dispose(pass.quantized as never);
    pass.dispose();
    expect((graph.perSampleEntropy as number) / exact.perSample).toBeCloseTo(1, 5);
    expect((graph.batchEntropy as number) / exact.batch).toBeCloseTo(1, 5);
    expect(graph.loss).toBeCloseTo(0.1 * gap, 5);
    expect(kernels[0]).toBeCloseTo(0.1 * gap, 5);
  });

  it("of 2^30 codes need no table of them", async () => {
    const quantizer = lfq({ codebookSize: 2 ** 30, spherical: true, entropyFloor: 0 });
    const wide = random.normal(random.key(2), [16, 30]);
    const found = await lossesOf(quantizer, wide, {});
    expect(found.perSampleEntropy).toBeGreaterThan(0);
    expect(found.batchEntropy).toBeGreaterThan(found.perSampleEntropy as number);
  });
});

it("saves a user's activation by its name", async () => {
  const cube = { name: "cube", activation: (z: np.Array) => z.ref.mul(z.ref).mul(z) };
  const quantizer = lfq({ codebookSize: 4, straightThroughActivation: cube, entropyLossWeight: 0 });
  const config = JSON.parse(JSON.stringify(quantizer.config));
  expect(config.straightThroughActivation).toEqual({ name: "cube" });
  expect(() => quantizerFromConfig(config)).toThrow(/"cube" needs it again/);
  const again = quantizerFromConfig(config, [cube]);
  const loss = (x: np.Array) => {
    const { quantized, ...rest } = again.apply(empty(), x, { training: true });
    tree.dispose(rest);
    return np.sum(quantized);
  };
  const gradient = await numbers(jit(grad(loss))(floats([[2, -1]])));
  expect(gradient[0]).toBeCloseTo(12, 4);
  expect(gradient[1]).toBeCloseTo(3, 4);
});

it("marks a vector with NaN by -1", async () => {
  const quantizer = lfq({ codebookSize: 4 });
  const { quantized, indices } = quantizer.apply(empty(), floats([[Number.NaN, 1]]));
  expect(await numbers(indices)).toEqual([-1]);
  expect((await numbers(quantized)).every(Number.isNaN)).toBe(true);
});

describe("errors", () => {
  it.each([
    [{ codebookSize: 12 }, "lfq: codebookSize: expected a power of 2 from 2 to 2^53, got 12"],
    [{}, "lfq: dim, without codebookSize: expected an integer of at least 1, got undefined"],
    [{ codebookSize: 4, dim: 3, hasProjections: false }, "expected true for dim 3 and 2 bits"],
    [
      { codebookSize: 4, softClampInputValue: 0.5 },
      "softClampInputValue: expected a finite number",
    ],
    [{ codebookSize: 4, fracPerSampleEntropy: 0 }, "fracPerSampleEntropy: expected a number"],
    [{ codebookSize: 4, softplusEntropyLoss: { by: 1 } }, 'softplusEntropyLoss: option "by"'],
    [{ codebookSize: 4, cosineSimProjectIn: 2 }, "cosineSimProjectIn: expected true or false"],
    [{ codebookSize: 4, straightThroughActivation: "relu" }, 'expected one of "identity", "tanh"'],
    [{ codebookSize: 4, invTemperature: 1 }, 'option "invTemperature": expected one of'],
  ])("name the option: %j", (options, message) => {
    expect(() => lfq(options as never)).toThrow(message);
  });
});
