import { grad, jit, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { quantizerFromConfig } from "./registry.ts";
import { type VectorQuantizer, vectorQuantize } from "./vectorQuantize.ts";

const floats = (values: number[][]) =>
  np.array(new Float32Array(values.flat()), { shape: [values.length, values[0]?.length ?? 0] });

/** A quantizer's arrays with these codes, each counted once. */
const withCodes = (codes: number[][]) => {
  const codebook = floats(codes);
  return {
    params: {},
    state: { codebook: codebook.ref, clusterSize: np.ones([codes.length]), codeSums: codebook },
  };
};

const numbers = async (x: np.Array | undefined) => [...(await (x as np.Array).data())] as number[];

describe("search", () => {
  it("gives equal distances to the lowest index", async () => {
    const quantizer = vectorQuantize({ dim: 2, codebookSize: 5 });
    const codes = [
      [3, 3],
      [1, 0],
      [-1, 0],
      [1, 0],
      [3, 3],
    ];
    const x = floats([
      [0, 5e-1],
      [1, 0],
      [9, 9],
    ]);
    expect(await numbers(await quantizer.encode(withCodes(codes), x))).toEqual([1, 1, 0]);
  });

  it.each([0, 50, 1000])("finds the nearest code of data at an offset of %d", async (offset) => {
    const [N, D, K] = [256, 16, 128];
    const quantizer = vectorQuantize({ dim: D, codebookSize: K });
    const cloud = async (seed: number, rows: number) =>
      (await random.normal(random.key(seed), [rows, D]).add(offset).data()) as Float32Array;
    const x = await cloud(1, N);
    const codes = await cloud(2, K);
    const codebook = np.array(codes, { shape: [K, D] });
    const state = { codebook: codebook.ref, clusterSize: np.ones([K]), codeSums: codebook };
    const variables = { params: {}, state };
    const found = await numbers(await quantizer.encode(variables, np.array(x, { shape: [N, D] })));
    const squared = (n: number, k: number) => {
      let sum = 0;
      for (let d = 0; d < D; d++)
        sum += ((x[n * D + d] as number) - (codes[k * D + d] as number)) ** 2;
      return sum;
    };
    for (let n = 0; n < N; n++) {
      const least = Math.min(...Array.from({ length: K }, (_, k) => squared(n, k)));
      expect(squared(n, found[n] as number)).toBeLessThanOrEqual(least * (1 + 1e-6));
    }
  });

  it("gives a vector the same index whatever shares its batch", async () => {
    const quantizer = vectorQuantize({ dim: 7, codebookSize: 300 });
    const variables = quantizer.init(random.key(0));
    const x = random.normal(random.key(1), [97, 7]);
    const all = await numbers(await quantizer.encode(tree.ref(variables), x.ref));
    for (const n of [1, 2, 5, 16, 50]) {
      const part = await quantizer.encode(tree.ref(variables), x.ref.slice([0, n]));
      expect(await numbers(part)).toEqual(all.slice(0, n));
    }
    tree.dispose([variables, x]);
  });

  it("marks a vector with NaN or infinity by -1 and keeps it out of the codebook", async () => {
    const quantizer = vectorQuantize({ dim: 2, codebookSize: 3, thresholdEmaDeadCode: 2 });
    const variables = quantizer.init(random.key(0));
    const x = floats([
      [1, 2],
      [Number.NaN, 1],
      [3, Number.POSITIVE_INFINITY],
      [0, 1],
    ]);
    const { quantized, indices, state, ...rest } = quantizer.apply(variables, x, {
      training: true,
      key: random.key(1),
    });
    const [a, b, c, d] = await numbers(indices);
    expect([b, c]).toEqual([-1, -1]);
    expect(Math.min(a as number, d as number)).toBeGreaterThanOrEqual(0);
    const output = await numbers(quantized);
    expect(output.map(Number.isNaN)).toEqual([false, false, true, true, true, true, false, false]);
    for (const values of [state.codebook, state.clusterSize, state.codeSums]) {
      expect((await numbers(values)).every(Number.isFinite)).toBe(true);
    }
    tree.dispose(rest);
  });
});

describe("commitment loss", () => {
  const codes = [
    [0, 0],
    [4, 0],
  ];
  const x = () =>
    floats([
      [1, 0],
      [3, 1],
    ]);
  /** Loss and its gradient by vectors and codes. */
  const lossOf = async (quantizer: VectorQuantizer) => {
    const loss = (vectors: np.Array, codebook: np.Array) => {
      const state = { codebook: codebook.ref, clusterSize: np.ones([2]), codeSums: codebook };
      const out = quantizer.apply({ params: {}, state }, vectors, { training: true });
      tree.dispose([out.quantized, out.indices, out.losses, out.state]);
      return out.loss;
    };
    const gradient = jit(grad(loss, { argnums: [0, 1] }));
    const [byVectors, byCodes] = gradient(x(), floats(codes));
    const value = await numbers(jit(loss)(x(), floats(codes)));
    return {
      value: value[0],
      byVectors: await numbers(byVectors),
      byCodes: await numbers(byCodes),
    };
  };

  it("is the mean squared error to the codes, with its gradient to the vectors alone", async () => {
    const { value, byVectors, byCodes } = await lossOf(vectorQuantize({ dim: 2, codebookSize: 2 }));
    expect(value).toBeCloseTo((1 + 0 + 1 + 1) / 4, 6);
    [0.5, 0, -0.5, 0.5].forEach((g, at) => {
      expect(byVectors[at]).toBeCloseTo(g, 6);
    });
    expect(byCodes).toEqual([0, 0, 0, 0]);
  });

  it("scales with its weight, and weight 0 turns it off", async () => {
    const options = { dim: 2, codebookSize: 2 };
    const quarter = await lossOf(vectorQuantize({ ...options, commitmentWeight: 0.25 }));
    expect(quarter.value).toBeCloseTo(0.75 / 4, 6);
    const off = await lossOf(vectorQuantize({ ...options, commitmentWeight: 0 }));
    expect(off.value).toBe(0);
    expect(off.byVectors).toEqual([0, 0, 0, 0]);
  });

  it("may be a function of the user's own, saved by its name", async () => {
    const absolute = {
      name: "absolute",
      loss: ({ vectors, codes: chosen }: { vectors: np.Array; codes: np.Array }) =>
        np.mean(np.absolute(vectors.sub(chosen))),
    };
    const quantizer = vectorQuantize({ dim: 2, codebookSize: 2, commitment: absolute });
    expect((await lossOf(quantizer)).value).toBeCloseTo(3 / 4, 6);
    const config = JSON.parse(JSON.stringify(quantizer.config));
    expect(config.commitment).toEqual({ name: "absolute" });
    expect(() => quantizerFromConfig(config)).toThrow(/"absolute" needs it again/);
    const again = quantizerFromConfig(config, [absolute]) as VectorQuantizer;
    expect((await lossOf(again)).value).toBeCloseTo(3 / 4, 6);
  });

  it("by cross-entropy is the negative log-likelihood of the nearest code", async () => {
    const quantizer = vectorQuantize({ dim: 2, codebookSize: 2, commitment: "crossEntropy" });
    const { value, byCodes } = await lossOf(quantizer);
    const nll = (near: number, far: number) => Math.log(1 + Math.exp(near - far));
    const expected = (nll(1, 3) + nll(Math.SQRT2, Math.sqrt(10))) / 2;
    expect(value).toBeCloseTo(expected, 5);
    expect(byCodes).toEqual([0, 0, 0, 0]);
  });
});

describe("codebook", () => {
  const x = () => random.normal(random.key(3), [40, 2]);

  it("moves to the smoothed averages of the vectors it got", async () => {
    const quantizer = vectorQuantize({ dim: 2, codebookSize: 2, decay: 0.5, eps: 1e-3 });
    const codes = [
      [0, 0],
      [4, 0],
    ];
    const vectors = floats([
      [1, 0],
      [0, 1],
      [5, 0],
    ]);
    const { state } = quantizer.apply(withCodes(codes), vectors, { training: true });
    expect(await numbers(state.clusterSize)).toEqual([1.5, 1]);
    expect(await numbers(state.codeSums)).toEqual([0.5, 0.5, 4.5, 0]);
    const smoothed = (n: number) => ((n + 1e-3) / (2.5 + 2e-3)) * 2.5;
    const expected = [0.5 / smoothed(1.5), 0.5 / smoothed(1.5), 4.5 / smoothed(1), 0];
    (await numbers(state.codebook)).forEach((value, at) => {
      expect(value).toBeCloseTo(expected[at] as number, 5);
    });
  });

  it("replaces dead codes by vectors of the batch and starts their averages afresh", async () => {
    const quantizer = vectorQuantize({ dim: 2, codebookSize: 8, thresholdEmaDeadCode: 3 });
    const far = Array.from({ length: 8 }, (_, k) => (k === 0 ? [0, 0] : [1000 + k, 0]));
    const { state } = quantizer.apply(withCodes(far), x(), { training: true, key: random.key(0) });
    const batch = await numbers(x());
    const rows = new Set(Array.from({ length: 40 }, (_, n) => `${batch.slice(2 * n, 2 * n + 2)}`));
    const codes = await numbers(state.codebook);
    const sums = await numbers(state.codeSums);
    const seen = new Set<string>();
    for (let k = 1; k < 8; k++) {
      const code = codes.slice(2 * k, 2 * k + 2);
      expect(rows.has(`${code}`)).toBe(true);
      seen.add(`${code}`);
      code.forEach((value, d) => {
        expect(sums[2 * k + d]).toBeCloseTo(3 * value, 5);
      });
    }
    expect(seen.size).toBe(7);
    const counts = await numbers(state.clusterSize);
    expect(counts.slice(1)).toEqual([3, 3, 3, 3, 3, 3, 3]);
    expect(counts[0]).toBeCloseTo(0.8 + 0.2 * 40, 5);
  });

  it("does not move when frozen, in the options or in the call", async () => {
    for (const [options, call] of [
      [{ freezeCodebook: true }, {}],
      [{}, { freezeCodebook: true }],
    ] as const) {
      const quantizer = vectorQuantize({
        dim: 2,
        codebookSize: 4,
        thresholdEmaDeadCode: 2,
        ...options,
      });
      const variables = quantizer.init(random.key(0));
      const { state } = quantizer.apply(tree.ref(variables), x(), { training: true, ...call });
      for (const name of ["codebook", "clusterSize", "codeSums"] as const) {
        expect(await numbers(state[name])).toEqual(await numbers(variables.state[name]));
      }
    }
  });

  it("is fitted by k-means, seeded by the key, from real rows only", async () => {
    const quantizer = vectorQuantize({ dim: 2, codebookSize: 3 });
    const centres = [
      [0, 0],
      [10, 0],
      [0, 10],
    ];
    const spread = await numbers(random.normal(random.key(0), [90, 2]).mul(0.1));
    const points = Array.from({ length: 90 }, (_, n) => [
      (spread[2 * n] as number) + (centres[n % 3]?.[0] ?? 0),
      (spread[2 * n + 1] as number) + (centres[n % 3]?.[1] ?? 0),
    ]);
    points.push([Number.NaN, 0], [500, 500]);
    const mask = np.array(points.map((_, n) => (n === 91 ? 0 : 1))).greater(0);
    const fit = (key: np.Array) =>
      quantizer.fit(quantizer.init(random.key(0)), floats(points), {
        key,
        mask: mask.ref,
        warn: () => {},
      });
    const { state } = await fit(random.key(7));
    const codes = await numbers(state.codebook);
    const found = [0, 1, 2].map((k) => codes.slice(2 * k, 2 * k + 2).map(Math.round));
    expect(found.map(String).sort()).toEqual(["0,0", "0,10", "10,0"]);
    expect(await numbers(state.clusterSize)).toEqual([30, 30, 30]);
    const again = await fit(random.key(7));
    expect(await numbers(again.state.codebook)).toEqual(codes);
  });

  it("cannot be fitted to fewer vectors than codes", async () => {
    const quantizer = vectorQuantize({ dim: 2, codebookSize: 64 });
    const variables = quantizer.init(random.key(0));
    await expect(quantizer.fit(variables, x())).rejects.toThrow(
      "expected at least 64 vectors for 64 codes, got 40",
    );
  });
});

describe("temperature", () => {
  const codes = [[-1], [0], [1]];
  const draws = async (temperature: number) => {
    const quantizer = vectorQuantize({ dim: 1, codebookSize: 3, stochasticSampleCodes: true });
    const { indices } = quantizer.apply(withCodes(codes), np.full([6000, 1], 0.25), {
      training: true,
      key: random.key(2),
      temperature,
    });
    const counts = [0, 0, 0];
    for (const index of await numbers(indices)) counts[index] = (counts[index] as number) + 1;
    return counts.map((count) => count / 6000);
  };

  it("draws codes with the probabilities of the softmax", async () => {
    for (const temperature of [0.5, 2]) {
      const weights = [-1.25, -0.25, -0.75].map((logit) => Math.exp(logit / temperature));
      const total = weights.reduce((a, b) => a + b);
      const seen = await draws(temperature);
      weights.forEach((weight, k) => {
        expect(seen[k]).toBeCloseTo(weight / total, 1);
      });
    }
  });

  it("of 0 takes the nearest code", async () => {
    expect(await draws(0)).toEqual([0, 1, 0]);
  });
});

describe("rotation trick", () => {
  it.each([0, 1e-4, 1])("gives the code itself and bounded gradients at |x| = %d", async (size) => {
    const quantizer = vectorQuantize({ dim: 2, codebookSize: 1, commitmentWeight: 0 });
    const x = () => floats([[size, 0]]);
    const code = () => withCodes([[0, 3]]);
    const { quantized, ...rest } = quantizer.apply(code(), x(), { training: true });
    expect(await numbers(quantized)).toEqual([0, 3]);
    tree.dispose(rest);
    const loss = (vectors: np.Array) => {
      const out = quantizer.apply(code(), vectors, { training: true });
      return np.sum(out.quantized.mul(np.array([1, 2])));
    };
    const gradient = await numbers(jit(grad(loss))(x()));
    expect(gradient.every(Number.isFinite)).toBe(true);
    expect(Math.hypot(...gradient)).toBeLessThanOrEqual(100 * Math.sqrt(5) + 1e-3);
    // R carries (1, 0) to 3 (0, 1): the gradient (1, 2) comes back as 3 (2, -1).
    if (size === 1) {
      expect(gradient[0]).toBeCloseTo(6, 4);
      expect(gradient[1]).toBeCloseTo(-3, 4);
    }
  });
});

describe("errors", () => {
  it.each([
    [{ dim: 0, codebookSize: 2 }, "dim: expected an integer of at least 1, got 0"],
    [{ dim: 2, codebookSize: 2.5 }, "codebookSize: expected an integer of at least 1, got 2.5"],
    [
      { dim: 2, codebookSize: 2, metric: "manhattan" },
      'expected one of "euclidean", "cosine", got "manhattan"',
    ],
    [{ dim: 2, codebookSize: 2, decay: 1.5 }, "decay: expected a number from 0 to 1, got 1.5"],
    [
      { dim: 2, codebookSize: 2, useCosineSim: true },
      'option "useCosineSim": expected one of dim,',
    ],
    [{ dim: 2, codebookSize: 2, layout: "NCHW" }, 'layout: expected one of "channelLast"'],
    [
      { dim: 2, codebookSize: 2, thresholdEmaDeadCode: { share: 2 } },
      "share: expected a number from 0 to 1",
    ],
    [{ dim: 2, codebookSize: 2, commitment: "off" }, 'commitment: expected one of "squaredError"'],
    [
      { dim: 2, codebookSize: 2, freezeCodebook: 1 },
      "freezeCodebook: expected true or false, got 1",
    ],
  ])("name the option: %j", (options, message) => {
    expect(() => vectorQuantize(options as never)).toThrow(message);
  });

  it("say what an input should look like", () => {
    const quantizer = vectorQuantize({ dim: 3, codebookSize: 4, layout: "image" });
    const variables = quantizer.init(random.key(0));
    const run = (shape: number[]) => () => quantizer.apply(tree.ref(variables), np.zeros(shape));
    expect(run([2, 3])).toThrow('expected [B, D, height, width] for layout "image", got [2, 3]');
    expect(run([2, 8, 8, 3])).toThrow(
      /dim = 3, got 8. Another axis has 3: set the option "layout"/,
    );
  });

  it("ask for a key where randomness is needed", () => {
    const quantizer = vectorQuantize({ dim: 3, codebookSize: 4, thresholdEmaDeadCode: 1 });
    const run = () =>
      quantizer.apply(quantizer.init(random.key(0)), np.zeros([5, 3]), { training: true });
    expect(run).toThrow("expected options.key, got none; thresholdEmaDeadCode draws at random");
  });
});
