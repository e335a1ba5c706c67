import { readFileSync } from "node:fs";
import { numpy as np, random, tree } from "@jax-js/jax";
import { type Quantizer, type Variables, vectorQuantize } from "vector-quantize";
import { quantizerTypes } from "vector-quantize/options";
import { describe, expect, it, test, vi } from "vitest";
import { expectDisposed, leakedBytes } from "../../../test/leak.ts";
import { isNearTie } from "../../../test/support/nearTies.ts";
import { type Numbers, openOnnx } from "../../../test/support/onnxFile.ts";
import { quantizerRows } from "../../../test/support/onnxRows.ts";
import { toOnnx } from "./toOnnx.ts";
import { version } from "./version.ts";

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

vi.setConfig({ testTimeout: 120_000 }); // the first session compiles ONNX Runtime

/** Vectors in the longer of two batches; `VQ_ONNX=100000` is the campaign. */
const most = Number(process.env.VQ_ONNX ?? 600);
const textOf = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);

const exportOf = (quantizer: unknown, variables: Variables, options?: object) =>
  toOnnx(quantizer as Quantizer, variables, options);

function opened(quantizer: unknown, seed = 3) {
  const plain = quantizer as Quantizer;
  return { quantizer: plain, variables: plain.init(random.key(seed)) };
}

async function hostNumbers(array: np.Array): Promise<Numbers> {
  const { shape } = array;
  return { data: (await array.data()) as Float32Array, shape };
}

function largestDifference(a: Numbers, b: Numbers): number {
  expect(a.shape).toEqual(b.shape);
  return (a.data as Float32Array).reduce(
    (worst, value, at) => Math.max(worst, Math.abs(value - Number(b.data[at]))),
    0,
  );
}

/** Asserts that indices are ours, but for near-ties of inputs `[batch, features]`. */
async function expectIndices(
  { quantizer, variables }: ReturnType<typeof opened>,
  x: Numbers,
  ours: Numbers,
  theirs: Numbers,
): Promise<void> {
  expect(theirs.shape).toEqual(ours.shape);
  const wrong = [...ours.data.keys()].filter((at) => ours.data[at] !== theirs.data[at]);
  if (wrong.length === 0) return;
  expect(x.shape, "ties of single vectors").toHaveLength(2);
  const [batch, features] = x.shape as [number, number];
  const each = ours.data.length / batch;
  for (const row of new Set(wrong.map((at) => Math.floor(at / each)))) {
    const own = x.data.slice(row * features, (row + 1) * features) as Float32Array;
    const found = Array.from(theirs.data.slice(row * each, (row + 1) * each), Number);
    const tie = await isNearTie(quantizer, variables, { data: own, shape: [1, features] }, found);
    expect(tie, `${wrong.length} indices differ; row ${row}: ${found}`).toBe(true);
  }
}

test("files say the version of the package", () => {
  expect(version).toBe(manifest.version);
});

test("every type of quantizer has a row", () => {
  const types = quantizerRows.map(({ make }) => (make() as Quantizer).config.type);
  expect(quantizerTypes.filter((type) => !types.includes(type))).toEqual([]);
});

describe("in ONNX Runtime, for two sizes of batch", () => {
  it.each(quantizerRows)(
    "$name is what it is here",
    async ({ make, shape }) => {
      const given = opened(make());
      const { quantizer, variables } = given;
      const files = await toOnnx(quantizer, tree.ref(variables));
      const encode = await openOnnx(files.encode);
      const apply = await openOnnx(files.apply);
      const decode = await openOnnx(files.decode);
      expect([encode.inputs, encode.outputs]).toEqual([["x"], ["indices"]]);
      expect([apply.inputs, apply.outputs]).toEqual([["x"], ["indices", "quantized"]]);
      expect(decode.outputs).toEqual(["quantized"]);
      for (const n of [60, most]) {
        const array = random.normal(random.key(n), [...shape(n)]);
        const x = await hostNumbers(array.ref);
        const ours = await hostNumbers(await quantizer.encode(tree.ref(variables), array.ref));
        const { quantized, ...others } = quantizer.apply(tree.ref(variables), array);
        tree.dispose(others as never);
        const output = await hostNumbers(quantized);
        const [indices] = (await encode.run(x)) as [Numbers];
        await expectIndices(given, x, ours, indices);
        const [applied, put] = (await apply.run(x)) as [Numbers, Numbers];
        expect(applied).toEqual(indices);
        const coded = quantizer.config.type !== "identity";
        const [decoded] = (await decode.run(coded ? ours : output)) as [Numbers];
        expect(largestDifference(output, decoded)).toBeLessThan(1e-5);
        // Of a near-tie the other code comes out.
        if (String(ours.data) === String(indices.data)) {
          expect(largestDifference(output, put)).toBeLessThan(1e-5);
        }
      }
      await Promise.all([encode.close(), apply.close(), decode.close()]);
      tree.dispose(variables as never);
    },
    600_000,
  );
});

describe("a file", () => {
  it("has what it is of in its metadata", async () => {
    const { quantizer, variables } = opened(vectorQuantize({ dim: 4, codebookSize: 8 }));
    const files = await toOnnx(quantizer, variables);
    const text = textOf(files.encode);
    expect(text).toContain(JSON.stringify(quantizer.config));
    for (const key of ["config", "codebook_sizes", "layout", "version"])
      expect(text).toContain(key);
    expect(textOf(files.decode)).toContain("state.codebook");
    expect(text).toContain("ArgMax"); // in place of the comparisons that the program has
  });

  it("takes and gives int64 where that is asked for", async () => {
    const { quantizer, variables } = opened(vectorQuantize({ dim: 4, codebookSize: 8 }));
    const files = await toOnnx(quantizer, variables, { indices: "int64" });
    const [encode, decode] = [await openOnnx(files.encode), await openOnnx(files.decode)];
    const x = { data: new Float32Array(12), shape: [3, 4] };
    const [indices] = (await encode.run(x)) as [Numbers];
    expect(indices.data).toBeInstanceOf(BigInt64Array);
    expect((await decode.run(indices))[0]?.shape).toEqual([3, 4]);
    await Promise.all([encode.close(), decode.close()]);
  });

  it("has the axes that are asked for", async () => {
    const { quantizer, variables } = opened(vectorQuantize({ dim: 4, codebookSize: 8 }));
    const files = await toOnnx(quantizer, variables, { input: ["batch", "time", 4] });
    const encode = await openOnnx(files.encode);
    for (const [batch, time] of [
      [3, 5],
      [2, 9],
    ] as const) {
      const data = new Float32Array(batch * time * 4);
      const [indices] = (await encode.run({ data, shape: [batch, time, 4] })) as [Numbers];
      expect(indices.shape).toEqual([batch, time]);
    }
    await encode.close();
  });

  it("gives a row that has no code -1, and the others theirs", async () => {
    for (const name of ["vectorQuantize", "residualVQ, a beam", "fsq", "hierarchicalVQ"]) {
      const { make, shape } = quantizerRows.find((row) => row.name === name)!;
      const { quantizer, variables } = opened(make());
      const { apply } = await toOnnx(quantizer, tree.ref(variables));
      const session = await openOnnx(apply);
      const clean = await hostNumbers(random.normal(random.key(1), [...shape(60)]));
      const data = (clean.data as Float32Array).slice();
      const each = data.length / clean.shape[0]!;
      data.fill(Number.NaN, 0, 1);
      data.fill(Number.POSITIVE_INFINITY, each, each + 1);
      const x = np.array(data, { shape: [...clean.shape] });
      const ours = await hostNumbers(await quantizer.encode(variables, x));
      const [indices] = (await session.run({ data, shape: clean.shape })) as [Numbers];
      expect(indices).toEqual(ours);
      expect(indices.data[0]).toBe(-1);
      await session.close();
    }
  });
});

describe("what can't be exported", () => {
  const make = () => opened(vectorQuantize({ dim: 4, codebookSize: 8 }));

  it.each([
    ["no options", null, "toOnnx: options: expected an object, got null"],
    ["an unknown option", { opset: 17 }, 'option "opset": expected one of input, indices'],
    [
      "another type",
      { indices: "uint8" },
      'indices: expected one of "int32", "int64", got "uint8"',
    ],
    ["no list", { input: "batch" }, "input: expected a list of sizes and names"],
    ["a size of 0", { input: ["batch", 0] }, "got 0"],
    ["one name twice", { input: ["n", "n", 4] }, "expected names that differ"],
    ["features that are free", { input: ["batch", "dim"] }, "feature size"],
    ["another dim", { input: ["batch", 5] }, "feature size of x"],
  ])("%s", async (_, options, message) => {
    const { quantizer, variables } = make();
    await expect(exportOf(quantizer, variables, options as never)).rejects.toThrow(message);
    expectDisposed(variables);
  });

  it.each([
    [
      "no quantizer",
      () => ({}),
      (own: Variables) => own,
      "toOnnx: quantizer: expected a quantizer",
    ],
    [
      "no variables",
      () => make().quantizer,
      () => undefined,
      "variables: expected a tree of arrays",
    ],
    [
      "variables of another quantizer",
      () => make().quantizer,
      () => opened(vectorQuantize({ dim: 4, codebookSize: 9 })).variables,
      "vectorQuantize.apply",
    ],
    [
      "variables that were given up",
      () => make().quantizer,
      (own: Variables) => {
        tree.dispose(own as never);
        return own;
      },
      "expected an array",
    ],
  ])("%s", async (_, quantizer, variables, message) => {
    const given = variables(make().variables) as Variables;
    await expect(exportOf(quantizer(), given)).rejects.toThrow(message);
  });
});

test("leaks nothing", async () => {
  const { quantizer, variables } = opened(vectorQuantize({ dim: 4, codebookSize: 8 }));
  const grown = await leakedBytes(async () => void (await toOnnx(quantizer, tree.ref(variables))));
  expect(grown).toBe(0);
  tree.dispose(variables as never);
});
