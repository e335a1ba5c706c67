import { grad, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { expectDisposed } from "../../../../test/leak.ts";
import { identity } from "./identity.ts";
import { quantizerFromConfig } from "./registry.ts";

const numbers = async (x: np.Array) => [...(await x.data())] as number[];
const cloud = () => random.normal(random.key(1), [2, 5, 4]);

describe("identity", () => {
  it("puts out its input, in training too", async () => {
    const quantizer = identity({ dim: 4 });
    for (const training of [false, true]) {
      const x = cloud();
      const out = quantizer.apply(quantizer.init(random.key(0)), x, { training });
      expect(await numbers(out.quantized)).toEqual(await numbers(cloud()));
      expect(await numbers(out.indices)).toEqual(Array(10).fill(0));
      expect(await numbers(out.loss)).toEqual([0]);
      expectDisposed(x);
    }
    const sum = (x: np.Array) => {
      const { quantized, ...rest } = quantizer.apply({ params: {}, state: {} }, x);
      tree.dispose(rest);
      return np.sum(np.square(quantized));
    };
    expect(await numbers(grad(sum)(cloud()))).toEqual(await numbers(cloud().mul(2)));
  });

  it("hides padding, and has nothing to decode", async () => {
    const quantizer = identity({ dim: 4, layout: "channelFirst" });
    const lengths = np.array([1, 0]).astype(np.int32);
    const x = np.moveaxis(cloud(), 1, 2);
    const out = quantizer.apply({ params: {}, state: {} }, x, { lengths });
    const shown = (await numbers(out.quantized)).filter((value) => value !== 0);
    expect(shown.length).toBe(4);
    tree.dispose([out.indices, out.loss]);
    expect(() =>
      quantizer.decode({ params: {}, state: {} }, np.zeros([2, 5], { dtype: np.int32 })),
    ).toThrow(
      "identity.decode: expected a quantizer with codes, got none; its output is its input",
    );
    expect(quantizerFromConfig(quantizer.config).config).toEqual(quantizer.config);
  });
});
