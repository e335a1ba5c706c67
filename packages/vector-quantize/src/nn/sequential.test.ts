import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it, test } from "vitest";
import { expectDisposed } from "../../../../test/leak.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { gelu } from "./activations.ts";
import { conv2d } from "./conv2d.ts";
import { linear } from "./linear.ts";
import { maxPool } from "./maxPool.ts";
import type { ModelVariables } from "./model.ts";
import { modelFromConfig } from "./registry.ts";
import { sequential } from "./sequential.ts";

const numbers = async (x: np.Array) => [...(await x.data())] as number[];
const refs = (variables: ModelVariables) => tree.ref(variables as never) as ModelVariables;

const build = () =>
  sequential([
    conv2d({ inChannels: 1, outChannels: 4 }),
    maxPool(),
    vectorQuantize({ dim: 4, codebookSize: 16 }),
    gelu(),
    conv2d({ inChannels: 4, outChannels: 1, upsample: 2 }),
  ]);
const images = () => random.normal(random.key(5), [8, 6, 4, 1]);

describe("sequential", () => {
  it("wants exactly one quantizer", () => {
    const layer = linear({ inFeatures: 2, outFeatures: 2 });
    const quantizer = vectorQuantize({ dim: 2, codebookSize: 2 });
    expect(() => sequential([layer])).toThrow("sequential: expected exactly one quantizer, got 0");
    expect(() => sequential([quantizer, layer, quantizer])).toThrow("got 2");
  });

  it("says what is no part, and what are no arguments", async () => {
    expect(() => sequential(undefined as never)).toThrow("sequential: parts: expected a list");
    expect(() => sequential([gelu as never])).toThrow("parts[0]: expected a layer or a quantizer");
    const model = build();
    const wrong = async (name: string, ...args: unknown[]) => {
      const run = (model as unknown as Record<string, (...args: unknown[]) => unknown>)[name];
      return run?.(...args);
    };
    for (const name of ["apply", "encode", "decode", "fit"]) {
      const usedUp = name === "decode" ? np.zeros([8, 3, 2], { dtype: np.int32 }) : images();
      usedUp.dispose();
      const x = images();
      const { params, state } = model.init(random.key(0));
      await expect(wrong(name, params, x)).rejects.toThrow(
        `model.${name}: variables: expected a model's, { params:`,
      );
      await expect(wrong(name, model.init(random.key(0)), [1])).rejects.toThrow(
        "expected a jax-js array of",
      );
      await expect(wrong(name, model.init(random.key(0)), usedUp)).rejects.toThrow(
        "expected an array to take over",
      );
      tree.dispose(state as never);
      expectDisposed([params, x]);
    }
  });

  it("gives up all that it was given on an error", async () => {
    const model = build();
    const run: [string, (variables: ModelVariables, x: np.Array) => unknown, () => np.Array][] = [
      ["decode", model.decode, () => np.zeros([8, 3, 2])], // floats
      ["encode", model.encode, () => np.zeros([8, 6, 4, 3])], // three channels
      ["fit", model.fit, () => np.zeros([1, 2, 2, 1])], // one vector
    ];
    for (const [name, method, wrong] of run) {
      const [variables, x] = [model.init(random.key(0)), wrong()];
      await expect((async () => method(variables, x))(), name).rejects.toThrow(/expected/);
      expectDisposed([variables, x]);
    }
  });

  it("gives each layer its own parameters, in order", () => {
    const { params } = build().init(random.key(0));
    const shapes = (list: readonly unknown[]) =>
      list.map((params) => (params as { weight?: np.Array }).weight?.shape);
    expect(shapes(params.encoder)).toEqual([[3, 3, 1, 4], undefined]);
    expect(shapes(params.decoder)).toEqual([undefined, [3, 3, 4, 1]]);
  });

  it("decodes its codes to what apply puts out", async () => {
    const model = build();
    const variables = model.init(random.key(1));
    const indices = await model.encode(refs(variables), images());
    expect(indices.shape).toEqual([8, 3, 2]);
    const decoded = await model.decode(refs(variables), indices.ref);
    const { output, quantized } = model.apply(variables, images());
    expect(output.shape).toEqual([8, 6, 4, 1]);
    expect(await numbers(indices)).toEqual(await numbers(quantized.indices));
    const [a, b] = [await numbers(decoded), await numbers(output)];
    a.forEach((value, i) => {
      expect(value).toBeCloseTo(b[i] as number, 5);
    });
  });

  it("fits the codebook to the encoder's output", async () => {
    const model = build();
    const variables = model.init(random.key(1));
    const error = async (variables: ModelVariables) => {
      const { quantized } = model.apply(variables, images(), { training: true });
      return (await (quantized.losses.commitment as np.Array).data())[0] as number;
    };
    const before = await error(refs(variables));
    const fitted = await model.fit(variables, images(), { warn: () => {} });
    expect(Object.keys(fitted.params)).toEqual(["encoder", "quantizer", "decoder"]); // order counts
    expect(await error(fitted)).toBeLessThan(before / 2);
  });

  it("is rebuilt from its configuration as JSON", async () => {
    const model = build();
    const again = modelFromConfig(JSON.parse(JSON.stringify(model.config)));
    expect(again.config).toEqual(model.config);
    const [a, b] = [model, again].map((m) => m.apply(m.init(random.key(3)), images()).output);
    expect(await numbers(a as np.Array)).toEqual(await numbers(b as np.Array));
  });
});

test("modelFromConfig tells what it cannot rebuild", () => {
  expect(() => modelFromConfig({ type: "parallel" } as never)).toThrow(
    'model: expected { type: "sequential", parts: [...] }, got "parallel"',
  );
  const config = { type: "sequential", parts: [{ type: "vectorQuantise" }] } as const;
  expect(() => modelFromConfig(config)).toThrow("quantizer type: expected one of");
});
