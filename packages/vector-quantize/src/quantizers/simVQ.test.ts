import { grad, jit, nn, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { applyLinear, initLinear, type Projection } from "../layout/linear.ts";
import { quantizerFromConfig } from "./registry.ts";
import { residualSimVQ } from "./residualSimVQ.ts";
import type { CodeTransform } from "./simVQ/options.ts";
import { type SimVQParams, simVQ } from "./simVQ.ts";

const cloud = (seed = 1, shape = [40, 4]) => random.normal(random.key(seed), shape);
const numbers = async (x: np.Array | undefined) => [...(await (x as np.Array).data())] as number[];

/** A network of two layers. */
const network: CodeTransform = {
  name: "two layers",
  init(key, inputs, outputs) {
    const [first, second] = [...random.split(key)] as [np.Array, np.Array];
    return { up: initLinear(first, inputs, 8), down: initLinear(second, 8, outputs) };
  },
  apply(params, codes) {
    const { up, down } = params as { up: Projection; down: Projection };
    return applyLinear(nn.relu(applyLinear(codes, up)), down);
  },
};

describe("simVQ", () => {
  it("finds the nearest of the transformed codes", async () => {
    const quantizer = simVQ({ dim: 4, codebookSize: 16, frozenCodebookDim: 3 });
    const variables = quantizer.init(random.key(0));
    expect(variables.state.codebook.shape).toEqual([16, 3]);
    const codes = await numbers(quantizer.codebook(tree.ref(variables)));
    const x = await numbers(cloud());
    const found = await numbers(await quantizer.encode(variables, cloud()));
    found.forEach((index, n) => {
      const gap = (k: number) =>
        [0, 1, 2, 3].reduce(
          (sum, d) => sum + ((x[n * 4 + d] as number) - (codes[k * 4 + d] as number)) ** 2,
          0,
        );
      const least = Math.min(...Array.from({ length: 16 }, (_, k) => gap(k)));
      expect(gap(index)).toBeCloseTo(least, 5);
    });
  });

  it("trains the transform and never the codebook", async () => {
    const quantizer = simVQ({ dim: 4, codebookSize: 16 });
    const start = quantizer.init(random.key(0));
    const loss = (params: SimVQParams, codebook: np.Array, x: np.Array) => {
      const out = quantizer.apply({ params, state: { codebook } }, x, { training: true });
      tree.dispose([out.quantized, out.indices, out.losses, out.state]);
      return out.loss;
    };
    const step = jit(grad(loss as never) as never) as unknown as (...args: unknown[]) => {
      transform: { weight: np.Array };
    };
    let { weight } = start.params.transform as { weight: np.Array };
    const { codebook } = start.state;
    const lossAt = async (w: np.Array) =>
      (await numbers(loss({ transform: { weight: w } }, codebook.ref, cloud())))[0] as number;
    const before = await lossAt(weight.ref);
    for (let at = 0; at < 20; at++) {
      const gradient = step({ transform: { weight: weight.ref } }, codebook.ref, cloud());
      weight = weight.sub(gradient.transform.weight.mul(0.3));
    }
    expect(await lossAt(weight)).toBeLessThan(before * 0.8);
    codebook.dispose();
  });

  it("weighs the input's part of the commitment loss", async () => {
    const make = (inputToQuantizeCommitLossWeight: number, commitmentWeight = 1) =>
      simVQ({ dim: 4, codebookSize: 16, inputToQuantizeCommitLossWeight, commitmentWeight });
    const lossOf = async (quantizer: ReturnType<typeof make>) => {
      const out = quantizer.apply(quantizer.init(random.key(0)), cloud(), { training: true });
      tree.dispose([out.quantized, out.indices, out.losses, out.state]);
      return (await numbers(out.loss))[0] as number;
    };
    const alone = await lossOf(make(0));
    expect(await lossOf(make(1))).toBeCloseTo(2 * alone, 5);
    expect(await lossOf(make(0, 3))).toBeCloseTo(3 * alone, 5);
  });

  it("takes a transform of the user's, which its configuration names", async () => {
    const quantizer = simVQ({ dim: 4, codebookSize: 16, codebookTransform: network });
    expect(quantizer.config).toMatchObject({ codebookTransform: { name: "two layers" } });
    const config = JSON.parse(JSON.stringify(quantizer.config));
    expect(() => quantizerFromConfig(config)).toThrow(/"two layers" needs it again/);
    const again = quantizerFromConfig(config, [network]);
    const variables = quantizer.init(random.key(0));
    const first = await quantizer.encode(tree.ref(variables), cloud());
    const second = await again.encode(variables, cloud());
    expect(await numbers(second)).toEqual(await numbers(first));
  });

  it("keeps padding and NaN out of the losses", async () => {
    const quantizer = simVQ({ dim: 4, codebookSize: 16 });
    const variables = quantizer.init(random.key(0));
    const lengths = np.array([3, 10]).astype(np.int32);
    const real = np.arange(10).less(np.array([3, 10]).reshape([2, 1]));
    const x = cloud(1, [2, 10, 4]);
    const noisy = np.where(np.expandDims(real, -1), x.ref, Number.NaN);
    const call = { training: true, lengths };
    const clean = quantizer.apply(tree.ref(variables), x, tree.ref(call));
    const other = quantizer.apply(variables, noisy, call);
    expect(await numbers(other.loss)).toEqual(await numbers(clean.loss));
    const indices = await numbers(other.indices);
    expect(indices.filter((index) => index < 0).length).toBe(7);
    expect(indices).toEqual(await numbers(clean.indices));
    tree.dispose([clean.quantized, clean.losses, clean.state] as never);
    tree.dispose([other.quantized, other.losses, other.state] as never);
  });
});

describe("residualSimVQ", () => {
  it("decodes coarse indices to the output of fewer layers", async () => {
    const quantizer = residualSimVQ({ dim: 4, codebookSize: 16, numQuantizers: 3 });
    const variables = quantizer.init(random.key(0));
    const coarse = await quantizer.encode(tree.ref(variables), cloud(), { depth: 2 });
    const out = quantizer.apply(tree.ref(variables), cloud(), { depth: 2 });
    const cut = coarse.slice([], [0, 2]);
    expect(await numbers(quantizer.decode(tree.ref(variables), cut))).toEqual(
      await numbers(out.quantized),
    );
    expect(() => quantizer.apply(tree.ref(variables), cloud(), { beamSize: 2 })).toThrow(
      "residualSimVQ.apply: beamSize: expected 1, since layers of residualSimVQ find one code, got 2",
    );
    tree.dispose([variables, out.indices, out.loss, out.losses, out.state] as never);
  });
});
