import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { numbers } from "../../../../../test/support/arrays.ts";
import { vectorQuantize } from "../vectorQuantize.ts";

const [N, H, C, K] = [20, 2, 3, 8];
const x = () => random.normal(random.key(1), [N, H * C]);
const part = (head: number) => x().slice([], [head * C, (head + 1) * C]);
const single = vectorQuantize({ dim: C, codebookSize: K });

describe("heads", () => {
  it("of one codebook quantize their parts as vectors of their own", async () => {
    const quantizer = vectorQuantize({ dim: H * C, codebookSize: K, heads: H, codebookDim: C });
    const variables = single.init(random.key(0));
    const parts = np.stack([part(0), part(1)], 1).reshape([N * H, C]);
    const apart = single.apply(tree.ref(variables), parts, { training: true });
    const { quantized, indices, loss, state } = quantizer.apply(variables, x(), {
      training: true,
    });
    expect(indices.shape).toEqual([N, H]);
    expect(await numbers(indices)).toEqual(await numbers(apart.indices));
    expect(await numbers(quantized)).toEqual(await numbers(apart.quantized));
    expect((await numbers(loss))[0]).toBeCloseTo((await numbers(apart.loss))[0] as number, 6);
    expect(await numbers(state.codebook)).toEqual(await numbers(apart.state.codebook));
    tree.dispose([state.clusterSize, state.codeSums, apart.state.clusterSize]);
  });

  it("with codebooks of their own are as many quantizers", async () => {
    const quantizer = vectorQuantize({
      dim: H * C,
      codebookSize: K,
      heads: H,
      codebookDim: C,
      separateCodebookPerHead: true,
    });
    const variables = quantizer.init(random.key(0));
    expect(variables.state.codebook?.shape).toEqual([H, K, C]);
    const { quantized, indices, loss, state, losses } = quantizer.apply(tree.ref(variables), x(), {
      training: true,
    });
    let sum = 0;
    for (const head of [0, 1]) {
      const own = tree.map((leaf: np.Array) => leaf.ref.slice(head), variables.state as never);
      const apart = single.apply({ params: {}, state: own as never }, part(head), {
        training: true,
      });
      const output = quantized.ref.slice([], [head * C, (head + 1) * C]);
      expect(await numbers(output)).toEqual(await numbers(apart.quantized));
      expect(await numbers(indices.ref.slice([], head))).toEqual(await numbers(apart.indices));
      for (const name of ["codebook", "clusterSize", "codeSums"] as const) {
        const ours = await numbers((state[name] as np.Array).ref.slice(head));
        const theirs = await numbers(apart.state[name]);
        ours.forEach((value, at) => {
          expect(value).toBeCloseTo(theirs[at] as number, 5);
        });
      }
      sum += (await numbers(apart.loss))[0] as number;
    }
    expect((await numbers(loss))[0]).toBeCloseTo(sum / 2, 6);
    tree.dispose([variables, quantized, indices, state, losses]);
  });

  it("are fitted each to its own part", async () => {
    const quantizer = vectorQuantize({
      dim: H * C,
      codebookSize: 2,
      heads: H,
      codebookDim: C,
      separateCodebookPerHead: true,
    });
    const side = np.where(np.arange(N).less(N / 2), -10, 10).reshape([N, 1]);
    const shifted = np.concatenate([part(0).add(side), part(1)], 1);
    const { state } = await quantizer.fit(quantizer.init(random.key(0)), shifted, {
      warn: () => {},
    });
    const codes = await numbers(state.codebook);
    expect([codes[0], codes[C]].map((v) => Math.sign(v as number)).sort()).toEqual([-1, 1]);
    expect(Math.abs(codes[0] as number)).toBeGreaterThan(5);
    expect(codes.slice(2 * C).every((v) => Math.abs(v) < 5)).toBe(true);
  });
});
