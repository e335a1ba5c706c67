import { grad, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import type { ResidualFSQOptions } from "./residualFSQ/options.ts";
import { residualFSQ } from "./residualFSQ.ts";

const base: ResidualFSQOptions = { levels: [5, 5, 5], numQuantizers: 4 };
const cloud = (scale = 1, shape = [400, 3]) => random.normal(random.key(1), shape).mul(scale);
const numbers = async (x: np.Array | undefined) => [...(await (x as np.Array).data())] as number[];

/** Largest error against what the input was bounded to, after 1, 2, ... layers. */
async function errors(options: Partial<ResidualFSQOptions>, bounded: (x: number) => number) {
  const quantizer = residualFSQ({ ...base, ...options });
  const variables = quantizer.init(random.key(0));
  const target = (await numbers(cloud())).map(bounded);
  const found: number[] = [];
  for (let depth = 1; depth <= 4; depth++) {
    const out = quantizer.apply(tree.ref(variables), cloud(), { depth });
    const values = await numbers(out.quantized);
    found.push(Math.max(...values.map((value, at) => Math.abs(value - (target[at] as number)))));
    tree.dispose([out.indices, out.loss, out.losses, out.state] as never);
  }
  return found;
}

const expectBelow = (found: number[], most: number[]) =>
  found.forEach((error, at) => {
    expect(error, `layer ${at + 1}`).toBeLessThanOrEqual(most[at] as number);
  });

describe("residualFSQ", () => {
  it("bounds once, and each layer leaves half a level of its own scale", async () => {
    const bound = (x: number) => Math.tanh(x) * 4 * 0.5 * 1.001;
    const half = [0.5, 0.5 / 4, 0.5 / 16, 0.5 / 64].map((error) => error + 0.003);
    expectBelow(await errors({ bounds: "bound" }, bound), half);
    const normalized = await errors({ bounds: "boundNormalized" }, (x) => bound(x) / 2);
    expectBelow(
      normalized,
      half.map((error) => error / 2),
    );
    // Not more than is left: the first layer does leave about half a level.
    expect(normalized[0]).toBeGreaterThan(0.24);
  });

  it.each([4, 8])("does so for %d levels, centred and symmetric", async (L) => {
    const levels = [L, L, L];
    const half = [0, 1, 2, 3].map((layer) => 0.5 / (L - 1) ** layer + 0.005);
    const centred = (x: number) => {
      const width = ((L - 1) * 1.001) / 2;
      return Math.tanh(x + Math.atanh(0.5 / width)) * width - 0.5;
    };
    expectBelow(await errors({ levels, bounds: "bound" }, centred), half);
    const symmetric = (x: number) => (Math.tanh(x) * (L - 1)) / 2;
    expectBelow(await errors({ levels, bounds: "bound", preserveSymmetry: true }, symmetric), half);
  });

  it("clamps softly, and each layer divides the error by its levels", async () => {
    const clamped = (x: number) => Math.tanh(x / 1.25) * 1.25;
    expectBelow(
      await errors({}, clamped),
      [0.25, 0.05, 0.01, 0.002].map((error) => error + 1e-5),
    );
  });

  it("lets what is unbounded saturate in every layer", async () => {
    const [first, , , last] = await errors({ bounds: "none" }, (x) => x);
    // Whoever wants the input back has to keep it small: beyond the reach of all layers the error stays.
    expect(first).toBeGreaterThan(1);
    expect(last).toBeGreaterThan(1);
  });

  it("gives the gradient of the bound", async () => {
    const quantizer = residualFSQ({ ...base, bounds: "bound" });
    const variables = quantizer.init(random.key(0));
    const sum = (x: np.Array) => {
      const { quantized, ...rest } = quantizer.apply(tree.ref(variables), x, {
        training: true,
        depth: 1,
      });
      tree.dispose(rest as never);
      return np.sum(quantized);
    };
    const x = await numbers(cloud());
    const found = await numbers(grad(sum)(cloud()));
    found.forEach((value, at) => {
      expect(value).toBeCloseTo(2.002 * (1 - Math.tanh(x[at] as number) ** 2), 4);
    });
    tree.dispose(variables);
  });

  it("says what is wrong", () => {
    const make = (options: Partial<ResidualFSQOptions>) => () =>
      residualFSQ({ ...base, ...options });
    expect(make({ bounds: "tanh" as never })).toThrow(
      'residualFSQ: bounds: expected one of "softClamp", "bound", "boundNormalized", "none", got "tanh"',
    );
    expect(make({ bounds: "bound", levels: [5, 2, 5] })).toThrow(
      /at least 3 each, got \[5, 2, 5\]/,
    );
    expect(make({ softClampInputValue: 2 })).toThrow(
      'residualFSQ: softClampInputValue with bounds "softClamp": expected none, got 2',
    );
    expect(make({ bounds: "none", softClampInputValue: [1, 1] })).toThrow(/one number, or 3/);
    expect(make({ bounds: "bound", noiseDropout: 0.5 })).toThrow(
      /noiseDropout with bounds "bound"/,
    );
    expect(make({ levels: Array(16).fill(8) })).toThrow(/at most 2\^31 codes a layer/);
    expect(make({ numQuantizers: 0 })).toThrow(/numQuantizers/);
    const targets = np.zeros([400, 4], { dtype: np.int32 });
    const quantizer = residualFSQ(base);
    expect(() => quantizer.apply(quantizer.init(random.key(0)), cloud(), { targets })).toThrow(
      /no similarities to score/,
    );
  });
});
