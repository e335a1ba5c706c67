import { lax, numpy as np, random, tree } from "@jax-js/jax";
import { identity, type Quantizer } from "vector-quantize";
import {
  type AudioAutoencoderOptions,
  audioAutoencoder,
  imageAutoencoder,
  type Layer,
  type Model,
  sequential,
} from "vector-quantize/nn";
import { describe, expect, it, vi } from "vitest";
import { expectDisposed } from "../../../test/leak.ts";
import { type Numbers, openOnnx } from "../../../test/support/onnxFile.ts";
import { modelRows } from "../../../test/support/onnxRows.ts";
import { modelToOnnx } from "./modelToOnnx.ts";

vi.setConfig({ testTimeout: 120_000 }); // the first session compiles ONNX Runtime

async function hostNumbers(array: np.Array): Promise<Numbers> {
  const { shape } = array;
  return { data: (await array.data()) as Float32Array, shape };
}

function expectClose(a: Numbers, b: Numbers): void {
  expect(a.shape).toEqual(b.shape);
  const worst = (a.data as Float32Array).reduce(
    (most, value, at) => Math.max(most, Math.abs(value - Number(b.data[at]))),
    0,
  );
  expect(worst).toBeLessThan(1e-5);
}

describe("in ONNX Runtime, for two sizes of input", () => {
  it.each(modelRows)(
    "a model of $name is what it is here",
    async ({ name, make, shapes }) => {
      const model = make();
      const variables = model.init(random.key(3));
      const files = await modelToOnnx(model, tree.ref(variables as never));
      const encode = await openOnnx(files.encode);
      const apply = await openOnnx(files.apply);
      const decode = await openOnnx(files.decode);
      expect(apply.outputs).toEqual(["indices", "output"]);
      for (const shape of shapes) {
        const array = random.normal(random.key(5), [...shape]);
        const x = await hostNumbers(array.ref);
        const own = () => tree.ref(variables as never) as typeof variables;
        const ours = await hostNumbers(await model.encode(own(), array.ref));
        const { output, quantized } = model.apply(own(), array);
        const { quantized: latents, indices, ...others } = quantized;
        const taken = name === "no codes" ? await hostNumbers(latents) : ours;
        const reconstruction =
          name === "no codes" ? output.ref : await model.decode(own(), indices);
        const [found] = (await encode.run(x)) as [Numbers];
        expect(found).toEqual(ours);
        const [applied, put] = (await apply.run(x)) as [Numbers, Numbers];
        expect(applied).toEqual(ours);
        expectClose(put, await hostNumbers(output));
        const [decoded] = (await decode.run(taken)) as [Numbers];
        expectClose(decoded, await hostNumbers(reconstruction));
        tree.dispose(others as never);
      }
      await Promise.all([encode.close(), apply.close(), decode.close()]);
      tree.dispose(variables as never);
    },
    120_000,
  );

  it.each<[string, Partial<AudioAutoencoderOptions>]>([
    ["causal", {}],
    ["centred", { causal: false, activation: "elu" }],
  ])("a model of sounds, %s, takes every length", async (_, options) => {
    const sizes = { width: 2, codeDim: 4, codebookSize: 8, numQuantizers: 2 };
    const model = audioAutoencoder({ strides: [2, 3], dilations: [1, 3], ...sizes, ...options });
    const variables = model.init(random.key(3));
    const own = () => tree.ref(variables as never) as typeof variables;
    const files = await modelToOnnx(model, own());
    const text = (file: Uint8Array) => new TextDecoder("latin1").decode(file);
    expect(text(files.encode)).toContain("filled_length / 6");
    const encode = await openOnnx(files.encode);
    const apply = await openOnnx(files.apply);
    for (const length of [1, 5, 6, 7, 11, 12, 13, 17, 18]) {
      const array = random.uniform(random.key(length), [2, length, 1]);
      const x = await hostNumbers(array.ref);
      const indices = await model.encode(own(), array);
      const codes = await hostNumbers(indices.ref);
      const whole = await model.decode(own(), indices);
      const [found] = (await encode.run(x)) as [Numbers];
      expect(found).toEqual(codes);
      const [applied, put] = (await apply.run(x)) as [Numbers, Numbers];
      expect(applied).toEqual(codes);
      expectClose(put, await hostNumbers(whole.slice([], [0, length])));
    }
    await Promise.all([encode.close(), apply.close()]);
    tree.dispose(variables as never);
  });

  it("convolutions are operators", async () => {
    const { make } = modelRows.find(({ name }) => name.startsWith("strides"))!;
    const model = make();
    const { apply } = await modelToOnnx(model, model.init(random.key(0)));
    const text = new TextDecoder("latin1").decode(apply);
    for (const operator of ["Conv:", "ConvTranspose:", "Resize:"]) expect(text).toContain(operator);
  });
});

/** A model of one layer of the user's own, around no quantizer. */
function around(apply: (x: np.Array) => np.Array): Model {
  const layer: Layer = {
    config: { type: "own" },
    init(key) {
      key.dispose();
      return {};
    },
    apply: (_, x) => apply(x),
  };
  return sequential([layer, identity({ dim: 4 }) as unknown as Quantizer]);
}

const input = ["batch", 4];

describe("constants that follow the size of the batch", () => {
  const rows = (x: np.Array) => x.shape[0] as number;
  it.each<[string, (x: np.Array) => np.Array]>([
    ["the same number", (x) => x.add(np.full([rows(x), 4], 2))],
    ["places", (x) => x.add(np.arange(rows(x)).reshape([rows(x), 1]))],
    ["places from the end", (x) => x.add(np.flip(np.arange(rows(x)), [0]).reshape([rows(x), 1]))],
    ["the same row", (x) => x.mul(np.array(Array.from({ length: rows(x) }, () => [1, 2, 3, 5])))],
    ["the size", (x) => x.mul(rows(x))],
    ["one by the size", (x) => x.mul(1 / rows(x))],
    ["sorted out by place", (x) => x.ref.slice(np.arange(rows(x))).add(x)],
  ])("%s", async (_, apply) => {
    const model = around(apply);
    const files = await modelToOnnx(model, model.init(random.key(0)), { input });
    const session = await openOnnx(files.apply);
    for (const batch of [4, 9]) {
      const x = random.normal(random.key(batch), [batch, 4]);
      const given = await hostNumbers(x.ref);
      const [, output] = (await session.run(given)) as [Numbers, Numbers];
      expectClose(output, await hostNumbers(apply(x)));
    }
    await session.close();
  });
});

describe("what can't be exported", () => {
  it.each<[string, (x: np.Array) => np.Array, string]>([
    ["random numbers", (x) => x.add(random.normal(random.key(0), x.shape)), "draw nothing"],
    ["a function that reads its input", (x) => x.mul(x.ref.js() as never), "can trace"],
    ["a function that throws", () => JSON.parse("{"), "a function that jax-js can trace"],
    [
      "shifted bits",
      (x) => lax.bitcastConvertType(lax.bitcastConvertType(x, np.int32).mul(2), np.float32).add(0),
      "expected a program that ONNX has operators for",
    ],
    ["sorted numbers", (x) => np.sort(x), "sort"],
    [
      "numbers of no formula",
      (x) => x.mul(np.array(Array.from({ length: x.shape[0] as number }, (_, i) => [Math.sin(i)]))),
      "expected sizes that are formulas of the free axes (batch)",
    ],
    ["steps by size", (x) => ((x.shape[0] as number) > 2 ? x.mul(2) : x.neg().mul(3)), "change"],
  ])("%s", async (_, apply, message) => {
    const model = around(apply);
    const variables = model.init(random.key(0));
    const refused = modelToOnnx(model, variables, { input });
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toMatchObject({ name: "VectorQuantizeError" });
    expectDisposed(variables);
  });

  it("no model", async () => {
    const variables = around((x) => x).init(random.key(0));
    const refused = modelToOnnx({} as never, variables);
    await expect(refused).rejects.toThrow("modelToOnnx: model: expected a model");
  });

  it("variables of another model", async () => {
    const model = imageAutoencoder({ patch: 4, depth: 0, codeDim: 4 });
    const variables = imageAutoencoder({ patch: 2, depth: 0 }).init(random.key(0));
    const refused = modelToOnnx(model, variables);
    await expect(refused).rejects.toThrow("modelToOnnx: option input: expected the axes");
    expectDisposed(variables);
  });

  it("constants of no formula by an axis, unless its size is given", async () => {
    const waves = (length: number) => Array.from({ length }, (_, at) => [Math.sin(at)]);
    const model = around((x) => x.mul(np.array(waves(x.shape[1] as number))));
    const variables = model.init(random.key(0));
    const own = () => tree.ref(variables as never) as typeof variables;
    await expect(modelToOnnx(model, own(), { input: ["n", "time", 4] })).rejects.toThrow(
      "Give the option input with numbers for such axes",
    );
    const { apply } = await modelToOnnx(model, variables, { input: ["n", 6, 4] });
    expect(apply.length).toBeGreaterThan(0);
  });
});
