import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { type ResidualLFQOptions, residualLFQ } from "./residualLFQ.ts";

const base: ResidualLFQOptions = { dim: 3, codebookSize: 8, numQuantizers: 4 };
const numbers = async (x: np.Array | undefined) => [...(await (x as np.Array).data())] as number[];

describe("residualLFQ", () => {
  it("halves its codes and the error with each layer", async () => {
    const quantizer = residualLFQ(base);
    const variables = quantizer.init(random.key(0));
    const x = random.uniform(random.key(1), [200, 3], { minval: -1.9, maxval: 1.9 });
    const wanted = await numbers(x.ref);
    for (let depth = 1; depth <= 4; depth++) {
      const out = quantizer.apply(tree.ref(variables), x.ref, { depth });
      const found = await numbers(out.quantized);
      const worst = Math.max(...found.map((v, at) => Math.abs(v - (wanted[at] as number))));
      expect(worst).toBeLessThanOrEqual(2 ** (1 - depth) + 1e-6);
      expect(worst).toBeGreaterThan(0.7 * 2 ** (1 - depth));
      tree.dispose([out.indices, out.loss, out.losses, out.state] as never);
    }
    const codes = await numbers(quantizer.codes(variables, np.zeros([1, 4], { dtype: np.int32 })));
    expect(codes).toEqual([
      -1, -1, -1, -0.5, -0.5, -0.5, -0.25, -0.25, -0.25, -0.125, -0.125, -0.125,
    ]);
    x.dispose();
  });

  it("has a loss per layer, from the real vectors alone", async () => {
    const quantizer = residualLFQ({ ...base, commitmentLossWeight: 1 });
    const variables = quantizer.init(random.key(0));
    const x = random.normal(random.key(1), [2, 5, 3]);
    const lengths = np.array([5, 2]).astype(np.int32);
    const real = np.arange(5).less(np.array([5, 2]).reshape([2, 1]));
    const noisy = np.where(np.expandDims(real, -1), x.ref, 50);
    const clean = quantizer.apply(tree.ref(variables), x, { training: true, lengths: lengths.ref });
    const other = quantizer.apply(variables, noisy, { training: true, lengths });
    expect(clean.loss.shape).toEqual([4]);
    expect(await numbers(other.loss)).toEqual(await numbers(clean.loss));
    tree.dispose([clean.quantized, clean.indices, clean.losses, clean.state] as never);
    tree.dispose([other.quantized, other.indices, other.losses, other.state] as never);
  });

  it("says what is wrong", () => {
    const make = (options: object) => () => residualLFQ({ ...base, ...options });
    expect(make({ codebookSize: 12 })).toThrow(/a power of 2 from 2 to 2\^31, got 12/);
    expect(make({ codebookSize: 2 ** 32 })).toThrow(/got 4294967296/);
    expect(make({ codebookScale: 2 })).toThrow(
      "residualLFQ: option codebookScale: expected none; the layers need it as it is, got 2",
    );
    expect(make({ quantizeDropoutCutoffIndex: 9 })).toThrow(/less than the number of layers, 4/);
    expect(make({ nonsense: 1 })).toThrow(/nonsense/);
  });
});
