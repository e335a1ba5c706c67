import { jit, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { integers, numbers, rowsOf } from "../../../../../test/support/arrays.ts";
import { type Layout, toVectors } from "../../layout/layout.ts";
import { vectorQuantize } from "../vectorQuantize.ts";
import type { VectorQuantizeOptions } from "./options.ts";

const k = 3;
const base = { dim: 6, codebookSize: 10 };
const separate = { heads: 2, codebookDim: 3, separateCodebookPerHead: true };
const rows: [name: string, options: Partial<VectorQuantizeOptions>, shape: number[]][] = [
  ["sequence", {}, [2, 5, 6]],
  ["one token", {}, [7, 6]],
  ["cosine", { metric: "cosine" }, [2, 5, 6]],
  ["projected", { codebookDim: 4 }, [2, 5, 6]],
  ["image", { layout: "image" }, [2, 6, 3, 2]],
  ["video", { layout: "video", codebookDim: 2 }, [2, 6, 2, 3, 2]],
  ["channel first", { layout: "channelFirst", codebookDim: 4 }, [2, 6, 5]],
  ["heads", { heads: 2, codebookDim: 3 }, [2, 5, 6]],
  ["heads with codebooks of their own", separate, [2, 5, 6]],
  ["image heads, projected", { ...separate, codebookDim: 4, layout: "image" }, [2, 6, 3, 2]],
  ["one token of heads", separate, [7, 6]],
];

describe.each(rows)("top-k: %s", (_, options, shape) => {
  const quantizer = vectorQuantize({ ...base, ...options });
  const variables = quantizer.init(random.key(0));
  const layout: Layout = options.layout ?? "channelLast";
  const heads = options.heads ?? 1;
  const x = () => random.normal(random.key(1), shape);
  const run = (given: object) => quantizer.apply(tree.ref(variables), x(), given);
  const positions = layout === "channelLast" ? shape.slice(0, -1) : [shape[0], ...shape.slice(2)];
  const perVector = [...positions, k, ...(heads > 1 ? [heads] : [])];

  it("gives the nearest codes in order, and the output of each, in evaluation as in training", async () => {
    const one = run({});
    const nearest = rowsOf(await numbers(one.indices), heads);
    for (const training of [false, true]) {
      const { quantized, indices, loss, losses, state } = run({ topk: k, training });
      expect(indices.shape).toEqual(perVector);
      expect(loss.shape).toEqual(training ? [...positions, k] : []);
      const found = rowsOf(await numbers(indices.ref), heads); // a row per candidate
      found.forEach((own, row) => {
        if (row % k === 0) expect(own).toEqual(nearest[row / k]);
      });
      for (let n = 0; n < nearest.length; n++) {
        for (let head = 0; head < heads; head++) {
          const candidates = found.slice(n * k, n * k + k).map((own) => own[head]);
          expect(new Set(candidates).size).toBe(k);
        }
      }
      // Every candidate decodes to what stands at its place, on an axis behind the positions.
      const spread = layout === "channelLast" ? quantized : np.moveaxis(quantized, 1, -1);
      const output = rowsOf(await numbers(spread), k * base.dim);
      for (let candidate = 0; candidate < k; candidate++) {
        const own = found.filter((_, row) => row % k === candidate).flat();
        const shaped = integers(own, [...(positions as number[]), ...(heads > 1 ? [heads] : [])]);
        const decoded = quantizer.decode(tree.ref(variables), shaped);
        const vectors = rowsOf(await numbers(toVectors(decoded, layout)), base.dim);
        vectors.forEach((vector, n) => {
          const ours = output[n]?.slice(candidate * base.dim, (candidate + 1) * base.dim) ?? [];
          vector.forEach((value, d) => {
            expect(ours[d]).toBeCloseTo(value, 5);
          });
        });
      }
      if (training) {
        // Each candidate lies farther than the one before.
        for (const errors of rowsOf(await numbers(loss), k)) {
          if (heads === 1) expect([...errors].sort((a, b) => a - b)).toEqual(errors);
          expect(errors.every((error) => error > 0)).toBe(true);
        }
        expect(await numbers(state.clusterSize)).toEqual(
          await numbers(variables.state.clusterSize.ref),
        );
      }
      tree.dispose([losses, indices] as never);
    }
    tree.dispose([one.quantized, one.loss, one.losses, one.state] as never);
  });

  it("hides candidates of padding", async () => {
    const size = (positions as number[]).reduce((a, b) => a * b);
    const mask = () =>
      np
        .arange(size)
        .less(size - 1)
        .reshape(positions as number[]);
    const { quantized, indices, loss, ...rest } = run({ topk: k, training: true, mask: mask() });
    const found = await numbers(indices);
    const hidden = found.slice(-k * heads);
    expect(hidden).toEqual(new Array(k * heads).fill(-1));
    expect(found.slice(0, -k * heads).includes(-1)).toBe(false);
    expect((await numbers(loss)).slice(-k)).toEqual(new Array(k).fill(0));
    const spread = layout === "channelLast" ? quantized : np.moveaxis(quantized, 1, -1);
    expect((await numbers(spread)).slice(-k * base.dim)).toEqual(new Array(k * base.dim).fill(0));
    tree.dispose(rest as never);
  });
});

it.each([
  ["euclidean", 1e-4],
  ["cosine", 1],
] as const)("ranks as the search does without it, also near-ties (%s)", async (metric, spread) => {
  const quantizer = vectorQuantize({ dim: 8, codebookSize: 64, metric });
  const { params, state } = quantizer.init(random.key(0));
  // Far from vectors that are close to one another: distances agree in most of their digits.
  const variables = {
    params,
    state: { ...state, codebook: (state.codebook as np.Array).mul(spread) },
  };
  const x = random.normal(random.key(1), [1, 2048, 8]);
  const indicesOf = async (topk: number, traced: boolean) => {
    const search = (v: typeof variables, vectors: np.Array) =>
      quantizer.apply(v, vectors, { topk });
    const call = traced ? (jit(search as never) as unknown as typeof search) : search;
    const { indices, ...rest } = call(tree.ref(variables), x.ref);
    tree.dispose(rest as never);
    return numbers(indices);
  };
  for (const traced of [false, true]) {
    const plain = await indicesOf(0, traced);
    expect(new Set(plain).size).toBeGreaterThan(30);
    expect(await indicesOf(1, traced)).toEqual(plain);
    expect((await indicesOf(3, traced)).filter((_, i) => i % 3 === 0)).toEqual(plain);
  }
  tree.dispose([variables as never, x]);
});

it("top-k takes no more codes than there are, and squared errors alone", () => {
  const run = (options: object, topk: number) => () => {
    const quantizer = vectorQuantize({ ...base, ...options });
    return quantizer.apply(quantizer.init(random.key(0)), np.zeros([2, 6]), { topk });
  };
  expect(run({}, 11)).toThrow("topk: expected at most codebookSize = 10, got 11");
  expect(run({}, 1.5)).toThrow("topk: expected an integer of at least 1, got 1.5");
  expect(run({ commitment: "crossEntropy" }, 2)).toThrow('expected "squaredError"');
});
