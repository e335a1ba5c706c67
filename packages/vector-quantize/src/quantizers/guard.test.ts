/** What calls make of wrong arguments, beside the table in `test/support/hostileCalls.ts`. */
import { jit, numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { expectDisposed, leakedBytes } from "../../../../test/leak.ts";
import { integers, numbers } from "../../../../test/support/arrays.ts";
import { refusesHostileCalls } from "../../../../test/support/hostileCalls.ts";
import { VectorQuantizeError } from "../errors.ts";
import { binaryMapper } from "./binaryMapper.ts";
import { checkIndices } from "./checkIndices.ts";
import type { ApplyOptions, Quantizer, Variables } from "./contract.ts";
import { fsp } from "./fsp.ts";
import { fsq } from "./fsq.ts";
import { groupedResidualVQ } from "./groupedResidualVQ.ts";
import { hierarchicalVQ } from "./hierarchicalVQ.ts";
import { identity } from "./identity.ts";
import { lfq } from "./lfq.ts";
import { productVQ } from "./productVQ.ts";
import { randomProjectionQuantizer } from "./randomProjectionQuantizer.ts";
import { residualLFQ } from "./residualLFQ.ts";
import { residualQuantizer } from "./residualQuantizer.ts";
import { residualVQ } from "./residualVQ.ts";
import { simVQ } from "./simVQ.ts";
import { createTrainingPass } from "./trainingPass.ts";
import { vectorQuantize } from "./vectorQuantize.ts";

const [B, N, D] = [3, 4, 4];
const base = { dim: D, codebookSize: 8 };
const values = Float32Array.from({ length: B * N * D }, (_, at) => Math.sin(at * at));
const x = () => np.array(values, { shape: [B, N, D] });
const start = (quantizer: Quantizer) => quantizer.init(random.key(0));
const own = (variables: unknown) => tree.ref(variables as never) as Variables;

describe("quantizers outside of the contract's table", () => {
  it.each([
    [identity({ dim: 4 }), [2, 3, 4]],
    [identity({ dim: 4, layout: "image" }), [2, 4, 3, 3]],
    [hierarchicalVQ({ dim: 4, codebookSize: 8, scales: [1, 2] }), [2, 4, 3, 3]],
  ] as [Quantizer, number[]][])("refuse hostile calls (%#)", async (quantizer, shape) => {
    await refusesHostileCalls({ make: () => quantizer, shape });
  });
});

const ranged: [string, Quantizer][] = [
  ["vectorQuantize", vectorQuantize({ ...base, thresholdEmaDeadCode: 2 })],
  ["fsq", fsq({ levels: [3, 3, 3, 3] })],
  ["residualVQ", residualVQ({ ...base, numQuantizers: 2 })],
  ["groupedResidualVQ", groupedResidualVQ({ ...base, numQuantizers: 2, groups: 2 })],
  ["simVQ", simVQ(base)],
  ["randomProjectionQuantizer", randomProjectionQuantizer({ ...base, codebookDim: 4 })],
  ["productVQ", productVQ({ dim: D, parts: 2, rotation: "learned" })],
  ["identity", identity({ dim: D })],
];

describe("a length out of range", () => {
  const lengths = () => integers([2, -1, N + 1]);
  const right = () => integers([2, 0, 0]);

  it.each(ranged)(
    "is an empty sequence that comes out as NaN, traced or not (%s)",
    async (name, quantizer) => {
      const variables = start(quantizer);
      const run = (given: Variables, at: np.Array, counts: np.Array, key: np.Array) =>
        quantizer.apply(given, at, { training: true, lengths: counts, key });
      const wanted = run(own(variables), x(), right(), random.key(1));
      const [state, indices] = [await leaves(wanted.state), await numbers(wanted.indices)];
      const output = await numbers(wanted.quantized);
      tree.dispose([wanted.loss, wanted.losses] as never);
      for (const call of [run, jit(run as never) as unknown as typeof run]) {
        const out = call(own(variables), x(), lengths(), random.key(1));
        if (name !== "identity") expect(await numbers(out.indices)).toEqual(indices);
        else out.indices.dispose();
        const found = await numbers(out.quantized);
        expect(found.slice(0, N * D)).toEqual(output.slice(0, N * D));
        expect(found.slice(N * D).every(Number.isNaN)).toBe(true);
        expect(await leaves(out.state)).toEqual(state);
        expect((await numbers(out.loss)).every(Number.isFinite)).toBe(true);
        tree.dispose(out.losses as never);
      }
      if (name === "identity") return;
      const codes = await quantizer.encode(own(variables), x(), { lengths: right() });
      const decoded = await numbers(quantizer.decode(variables, codes.ref, { lengths: lengths() }));
      const perSequence = decoded.length / B;
      expect(decoded.slice(0, perSequence).every(Number.isFinite)).toBe(true);
      expect(decoded.slice(perSequence).every(Number.isNaN)).toBe(true);
      await expect(checkIndices(quantizer, codes, { lengths: lengths() })).rejects.toThrow(
        "lengths[1]: expected 0 to 4",
      );
    },
  );

  it("makes moments NaN, and moves no state in expire", async () => {
    const moments = fsp({ levels: [4, 4, 4, 4] });
    const found = moments.moments({ params: {}, state: {} }, x(), { lengths: lengths() });
    for (const each of Object.values(found)) {
      expect((await numbers(each as np.Array)).every(Number.isNaN)).toBe(true);
    }
    const quantizer = vectorQuantize({ ...base, thresholdEmaDeadCode: 2 });
    const variables = quantizer.init(random.key(0));
    const expire = (counts: np.Array) =>
      quantizer.expire(own(variables) as never, x(), { key: random.key(1), lengths: counts });
    expect(await leaves(expire(lengths()))).toEqual(await leaves(expire(right())));
    tree.dispose(variables);
  });
});

const layered = { dim: D, codebookSize: [8, 4] };
const scored: [string, Quantizer, number[]][] = [
  ["vectorQuantize", vectorQuantize(base), [B, N]],
  ["heads", vectorQuantize({ ...base, heads: 2, codebookDim: 2 }), [B, N, 2]],
  ["residualVQ", residualVQ(layered), [B, N, 2]],
  ["groupedResidualVQ", groupedResidualVQ({ ...layered, groups: 2 }), [2, B, N, 2]],
  ["simVQ", simVQ(base), [B, N]],
  ["randomProjectionQuantizer", randomProjectionQuantizer({ ...base, codebookDim: 4 }), [B, N]],
];

describe("a target out of range", () => {
  it.each(scored)("makes the loss NaN, traced or not (%s)", async (_, quantizer, shape) => {
    const variables = start(quantizer);
    const size = shape.reduce((product, each) => product * each, 1);
    const targets = (at: number, value: number) => {
      const numbers = new Int32Array(size).fill(1);
      numbers[at] = value;
      return np.array(numbers, { shape });
    };
    const run = (given: Variables, at: np.Array, wanted: np.Array, mask: np.Array) =>
      quantizer.apply(given, at, { targets: wanted, mask });
    const traced = jit(run as never) as unknown as typeof run;
    const lastColumn = quantizer.codebookSizes.at(-1) as number;
    const all = () => np.ones([B, N]).greater(0);
    const butTheLast = () =>
      np
        .arange(B * N)
        .reshape([B, N])
        .less(B * N - 1);
    const cases: [number, () => np.Array, boolean][] = [
      [-1, all, true],
      [lastColumn - 1, all, true],
      [lastColumn, all, false],
      [-2, all, false],
      [1000, all, false],
      [1000, butTheLast, true], // padding may hold anything
    ];
    for (const call of [run, traced]) {
      for (const [value, mask, finite] of cases) {
        const { loss, ...rest } = call(own(variables), x(), targets(size - 1, value), mask());
        tree.dispose(rest as never);
        const found = await numbers(loss);
        expect(found.every(finite ? Number.isFinite : Number.isNaN), `${value}`).toBe(true);
      }
    }
    tree.dispose(variables as never);
  });

  it("is an error where a number is read before: emaUpdateWeight of update", async () => {
    const quantizer = vectorQuantize(base);
    const variables = quantizer.init(random.key(0));
    const weight = () => np.array([1, 1, Number.NaN, 1, 1, 1, 1, 1]);
    const indices = await quantizer.encode(own(variables) as never, x());
    await expect(
      quantizer.update(own(variables) as never, x(), indices.ref, { emaUpdateWeight: weight() }),
    ).rejects.toThrow("emaUpdateWeight, code 2: expected a finite number, got NaN");
    const { loss, state, ...rest } = quantizer.apply(variables, x(), {
      training: true,
      emaUpdateWeight: weight(),
    });
    expect(await numbers(loss)).toEqual([Number.NaN]);
    expect((await leaves(state)).flat().every(Number.isFinite)).toBe(true);
    tree.dispose([rest, indices] as never);
  });
});

describe("references", () => {
  const quantizer = vectorQuantize(base);

  it("that are used up are named, with the mend", async () => {
    const variables = quantizer.init(random.key(0));
    const [vectors, key] = [x(), random.key(1)];
    tree.dispose(quantizer.apply(own(variables) as never, vectors) as never);
    expect(() => quantizer.apply(own(variables) as never, vectors, { key: key.ref })).toThrow(
      "vectorQuantize.apply: x: expected an array to take over, got one that is used up or " +
        "disposed of. A call takes what it is given: pass x.ref to the one before to keep it",
    );
    key.dispose();
    expect(() => quantizer.apply(own(variables) as never, x(), { key })).toThrow(
      /apply: options.key: expected an array to take over.*pass key.ref/,
    );
    tree.dispose(variables);
    await expect(quantizer.encode(variables, x())).rejects.toThrow(
      /encode: variables.state.clusterSize.*pass tree.ref\(variables\) to the one before/,
    );
  });

  it("are counted where an array is given twice", async () => {
    const variables = quantizer.init(random.key(0));
    const indices = np.zeros([B, N], { dtype: np.int32 });
    const twice = (given: np.Array) =>
      quantizer.apply(own(variables) as never, x(), { indices: given, targets: given });
    expect(() => twice(indices)).toThrow(
      "options.indices and options.targets: expected a reference for each of 2 uses, got 1. " +
        "Pass indices.ref for all but the last",
    );
    expectDisposed(indices);
    const enough = np.zeros([B, N], { dtype: np.int32 });
    tree.dispose(twice(enough.ref) as never);
    expectDisposed(enough);
    tree.dispose(variables);
  });

  it("under jit and grad are told just so", () => {
    const variables = quantizer.init(random.key(0));
    const run = (at: np.Array) => {
      const first = quantizer.apply(own(variables) as never, at);
      tree.dispose([first.indices, first.loss, first.losses, first.state] as never);
      const second = quantizer.apply(own(variables) as never, at);
      return np.sum(second.quantized.add(first.quantized));
    };
    const message = /vectorQuantize.apply: x: expected an array to take over/;
    expect(() => jit(run)(x())).toThrow(message);
    expect(() => valueAndGrad(run)(x())).toThrow(message);
    tree.dispose(variables);
  });

  it("are needed by a method that reads numbers, and a trace has none", async () => {
    const variables = quantizer.init(random.key(0));
    let error: unknown;
    const run = (at: np.Array) => {
      quantizer.encode(own(variables) as never, at).catch((found) => {
        error = found;
      });
      return np.zeros([]);
    };
    (await jit(run)(x()).blockUntilReady()).dispose();
    await Promise.resolve();
    expect(String(error)).toContain(
      "encode: x: expected an array with numbers, got one of a trace",
    );
    tree.dispose(variables);
  });
});

describe("options", () => {
  const call = (quantizer: Quantizer, options: object) => () =>
    quantizer.apply(start(quantizer), x(), options as ApplyOptions);

  it("that mean nothing to a quantizer are refused", () => {
    expect(call(fsq({ levels: [3, 3, 3, 3] }), { beamSize: 2 })).toThrow(
      "fsq.apply: expected no beamSize, got some. It means nothing to fsq in this call",
    );
    expect(call(fsq({ levels: [3, 3, 3, 3] }), { temperature: 1 })).toThrow("no temperature");
    expect(call(identity({ dim: D }), { targets: integers([1]) })).toThrow("no targets");
    expect(call(simVQ(base), { freezeCodebook: true })).toThrow("no freezeCodebook");
    const layers = [fsq({ levels: [3, 3, 3, 3] }), simVQ(base)];
    expect(call(residualQuantizer({ layers: layers as never }), { temperature: 1 })).toThrow(
      "no temperature",
    );
  });

  it("are taken by a residual quantizer that has a layer for them", () => {
    const layers = [fsq({ levels: [3, 3, 3, 3] }), vectorQuantize(base)];
    const quantizer = residualQuantizer({ layers: layers as never });
    const options = { temperature: 1, freezeCodebook: true };
    tree.dispose(call(quantizer, options)() as never);
  });

  it("that are undefined count as not given", async () => {
    const quantizer = residualVQ({ ...base, numQuantizers: 2 });
    const options = { mask: undefined, lengths: undefined, depth: undefined, beamSize: undefined };
    tree.dispose(call(quantizer, { ...options, key: undefined, training: undefined })() as never);
    (await quantizer.encode(start(quantizer) as never, x(), options as object)).dispose();
  });

  it("say that a temperature of 0 is none, and give up what they were given", () => {
    const quantizer = lfq({ codebookSize: 16 });
    for (const each of [quantizer, residualLFQ({ dim: 4, codebookSize: 16, numQuantizers: 2 })]) {
      const vectors = x();
      const run = () =>
        each.apply(start(each as never) as never, vectors, { training: true, temperature: 0 });
      expect(run).toThrow("lfq.apply: temperature: expected a number above 0, got 0");
      expectDisposed(vectors);
    }
  });
});

describe("the methods that some quantizers have beside", () => {
  const heads = vectorQuantize({ ...base, heads: 2, codebookDim: 2 });
  const bits = binaryMapper({ bits: 4 });
  const methods: [Quantizer, string, unknown[]][] = [
    [heads as never, "codebook", ["v"]],
    [heads as never, "withCodebook", ["v", [8, 2]]],
    [heads as never, "followAverages", ["v"]],
    [heads as never, "expire", ["v", [B, N, D]]],
    [heads as never, "stepCodebookOptimizer", ["v"]],
    [lfq({ codebookSize: 16 }) as never, "levelIndices", [[B, N]]],
    [lfq({ codebookSize: 16 }) as never, "codesToIndices", ["v", [B, N, D]]],
    [fsp({ levels: [4, 4, 4, 4] }) as never, "moments", ["v", [B, N, D]]],
    [
      bits as never,
      "logProbability",
      [
        [B, N, 4],
        [B, N],
      ],
    ],
    [bits as never, "entropy", [[B, N, 4]]],
    [bits as never, "klLoss", [[B, N, 4]]],
    [simVQ(base) as never, "codebook", ["v"]],
    [fsq({ levels: [4, 4] }) as never, "init", [[2]]],
  ];

  it.each(methods)("refuse wrong arguments (%#)", (quantizer, method, kinds) => {
    const run = (quantizer as unknown as Record<string, (...args: unknown[]) => unknown>)[method];
    const wrong: ((kind: unknown) => unknown)[] = [
      () => undefined,
      () => 1,
      () => [[1, 2]],
      (kind) => (kind === "v" ? { params: {} } : np.zeros(kind as number[], { dtype: np.float16 })),
    ];
    for (const make of wrong) {
      for (const at of kinds.keys()) {
        const args = kinds.map((kind, place) => {
          if (place === at) return make(kind);
          return kind === "v" ? start(quantizer) : np.zeros(kind as number[]);
        });
        expect(() => run?.(...args)).toThrow(VectorQuantizeError);
        expect(() => run?.(...args)).toThrow(`${quantizer.config.type}.${method}: `);
        for (const array of args) if (array instanceof np.Array) expectDisposed(array);
      }
    }
  });
});

describe("memory", () => {
  it("beyond Wasm's is refused before any is taken", () => {
    const large = np.zeros([2 ** 18, D]);
    const run = (quantizer: Quantizer, options: ApplyOptions) =>
      quantizer.apply(start(quantizer), large.ref, options);
    const quantizer = vectorQuantize({ dim: D, codebookSize: 5000 });
    expect(() => run(quantizer, {})).toThrow(
      "vectorQuantize.apply: vectors: expected at most 214748 in a call, whose scores are 4 GiB, " +
        "got 262144. Split the batch, or find the indices by encode",
    );
    expect(() => run(quantizer, { training: true })).toThrow("at most 107374 in a call");
    expect(() => run(residualVQ({ dim: D, codebookSize: 2500, numQuantizers: 2 }), {})).toThrow(
      "residualVQ.apply: vectors: expected at most 214748",
    );
    expect(large.refCount).toBe(1);
    large.dispose();
  });
});

describe("createTrainingPass", () => {
  it("refuses as the quantizer does", async () => {
    const quantizer = vectorQuantize(base);
    const run = createTrainingPass(quantizer as never) as (...args: unknown[]) => Promise<unknown>;
    const vectors = np.zeros([B, N, D], { dtype: np.int32 });
    await expect(run(start(quantizer as never), vectors)).rejects.toThrow(
      "vectorQuantize.pass: dtype of x: expected float32",
    );
    expectDisposed(vectors);
    await expect(run(start(quantizer as never), x(), { trainig: true })).rejects.toThrow("option");
    await expect(run(start(quantizer as never), x(), { key: 3 })).rejects.toThrow(/random.key/);
    await expect(run()).rejects.toThrow(
      "vectorQuantize.pass: variables: expected { params, state }",
    );
  });
});

describe("checkIndices", () => {
  it("refuses what decode refuses", async () => {
    const quantizer = vectorQuantize(base) as unknown as Quantizer;
    const check = checkIndices as (...args: unknown[]) => Promise<unknown>;
    const floats = np.zeros([B, N]);
    await expect(check(quantizer, floats)).rejects.toThrow(
      "vectorQuantize.checkIndices: dtype of indices: expected int32",
    );
    expectDisposed(floats);
    await expect(check(quantizer, Int32Array.of(1))).rejects.toThrow("expected a jax-js array");
    await expect(check(quantizer, integers([1]), { masks: 1 })).rejects.toThrow("mean mask?");
    await expect(check(undefined, integers([1]))).rejects.toThrow(
      "checkIndices: expected a quantizer",
    );
  });
});

async function leaves(given: unknown): Promise<number[][]> {
  return Promise.all(tree.leaves(given as never).map((leaf) => numbers(leaf as np.Array)));
}

it("what a group refuses leaves no parts and keys of the other groups behind", async () => {
  const quantizer = groupedResidualVQ({ dim: 64, groups: 4, numQuantizers: 2, codebookSize: 4 });
  const variables = quantizer.init(random.key(0));
  const wrong = async () => {
    const x = np.ones([64, 64]);
    const options = { training: true, key: random.key(1), depth: 9 };
    expect(() => quantizer.apply(tree.ref(variables), x, options)).toThrow("depth");
  };
  expect(await leakedBytes(wrong)).toBe(0);
  tree.dispose(variables as never);
});
