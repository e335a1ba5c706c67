import { grad, jit, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { leakedBytes } from "../../../../test/leak.ts";
import type { HierarchicalVQOptions } from "./hierarchicalVQ/options.ts";
import { convolutionOf } from "./hierarchicalVQ/options.ts";
import { hierarchicalVQ } from "./hierarchicalVQ.ts";
import { quantizerFromConfig } from "./registry.ts";

const base: HierarchicalVQOptions = { dim: 3, codebookSize: 8, scales: [1, 2, 4] };
const images = (H = 8, W = 8) => random.normal(random.key(1), [2, 3, H, W]);
const numbers = async (x: np.Array | undefined) => [...(await (x as np.Array).data())] as number[];
const leaves = (values: unknown) =>
  Promise.all((tree.leaves(values as never) as np.Array[]).map(numbers));

describe("hierarchicalVQ", () => {
  it.each([
    [8, 8],
    [6, 9],
    [4, 4],
  ])("decodes indices to the output for images of %d x %d", async (H, W) => {
    const quantizer = hierarchicalVQ(base);
    const variables = quantizer.init(random.key(0));
    const out = quantizer.apply(tree.ref(variables), images(H, W));
    expect(out.quantized.shape).toEqual([2, 3, H, W]);
    expect(out.indices.shape).toEqual([2, 21]);
    expect(await numbers(out.loss)).toEqual([0]);
    expect(await leaves(out.state)).toEqual(await leaves(tree.ref(variables.state)));
    const encoded = await quantizer.encode(tree.ref(variables), images(H, W));
    expect(await numbers(encoded)).toEqual(await numbers(out.indices.ref));
    const size: [number, number] = [H, W];
    const decoded = quantizer.decode(variables, out.indices, H === 4 ? {} : { size });
    const [ours, theirs] = [await numbers(decoded), await numbers(out.quantized)];
    theirs.forEach((value, at) => {
      expect(ours[at]).toBeCloseTo(value, 5);
    });
    tree.dispose(out.losses);
  });

  it.each([
    [0, 3, [0, 1, 2]],
    [1, 1, [0, 0, 0]],
    [2, 2, [0, 0, 1]],
  ])("has convolutions by sharedResiduals %d", (sharedResiduals, count, chosen) => {
    const quantizer = hierarchicalVQ({ ...base, sharedResiduals });
    const variables = quantizer.init(random.key(0));
    expect(variables.params.convolutions.length).toBe(count);
    expect([0, 1, 2].map((scale) => convolutionOf(scale, 3, count))).toEqual(chosen);
    tree.dispose(variables);
  });

  it("moves the codebook in training, passes gradients, and leaks nothing", async () => {
    const quantizer = hierarchicalVQ(base);
    const start = quantizer.init(random.key(0));
    const call = { training: true, key: random.key(3) };
    const out = quantizer.apply(tree.ref(start), images(), call);
    expect(await leaves(out.state)).not.toEqual(await leaves(tree.ref(start.state)));
    expect((await numbers(out.loss))[0]).toBeGreaterThan(0);
    tree.dispose([out.quantized, out.indices, out.losses] as never);
    const loss = (x: np.Array, key: np.Array) => {
      const { quantized, loss, ...rest } = quantizer.apply(tree.ref(start), x, {
        training: true,
        key,
      });
      tree.dispose(rest as never);
      return np.sum(np.square(quantized)).add(loss);
    };
    const step = jit(grad(loss));
    const x = images();
    const grown = await leakedBytes(async (at) => {
      const found = await numbers(step(x.ref, random.key(at)));
      expect(found.every(Number.isFinite)).toBe(true);
      expect(found.some((value) => value !== 0)).toBe(true);
    });
    expect(grown).toBe(0);
    tree.dispose([x, start] as never);
  });

  it("updates by given indices to the state of training", async () => {
    const quantizer = hierarchicalVQ({ ...base, thresholdEmaDeadCode: 0 });
    const variables = quantizer.init(random.key(0));
    const out = quantizer.apply(tree.ref(variables), images(), { training: true });
    const moved = await quantizer.update(variables, images(), out.indices);
    expect(await leaves(moved)).toEqual(await leaves(out.state));
    tree.dispose([out.quantized, out.loss, out.losses] as never);
  });

  it("fits its codebook to what the scales see", async () => {
    const quantizer = hierarchicalVQ({ ...base, codebookSize: 16, residualRatio: 0 });
    const sample = () => random.normal(random.key(2), [40, 3, 4, 4]);
    const start = quantizer.init(random.key(0));
    const errorOf = async (variables: typeof start) => {
      const { quantized, ...rest } = quantizer.apply(variables, sample());
      tree.dispose(rest as never);
      return (await numbers(np.mean(np.square(quantized.sub(sample())))))[0] as number;
    };
    const fitted = await quantizer.fit(tree.ref(start), sample());
    expect(await errorOf(fitted)).toBeLessThan(0.8 * (await errorOf(start)));
  });

  it("is rebuilt by its configuration, and says what is wrong", () => {
    const quantizer = hierarchicalVQ({ ...base, sharedResiduals: 2 });
    const config = JSON.parse(JSON.stringify(quantizer.config));
    expect(quantizerFromConfig(config).config).toEqual(quantizer.config);
    const start = () => quantizer.init(random.key(0));
    expect(() => hierarchicalVQ({ ...base, scales: [4, 2] })).toThrow(
      "hierarchicalVQ: scales: expected sizes that do not fall, got [4, 2]",
    );
    expect(() => quantizer.decode(start(), np.zeros([2, 20], { dtype: np.int32 }))).toThrow(
      "hierarchicalVQ.decode: shape of indices: expected [B, 21], got [2, 20]",
    );
    const lengths = np.array([1, 1]).astype(np.int32);
    expect(() => quantizer.apply(start(), images(), { lengths })).toThrow(/no lengths/);
    expect(() => quantizer.apply(start(), images(), { training: true })).toThrow(/options.key/);
  });
});
