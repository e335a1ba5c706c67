import { grad, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { integers, numbers, rowsOf } from "../../../../../test/support/arrays.ts";
import { vectorQuantize } from "../vectorQuantize.ts";
import type { VectorQuantizeOptions } from "./options.ts";

const separate = { heads: 2, codebookDim: 3, separateCodebookPerHead: true };
const rows: [name: string, options: Partial<VectorQuantizeOptions>, shape: number[]][] = [
  ["sequence", {}, [2, 6, 6]],
  ["one token", {}, [12, 6]],
  ["projected", { codebookDim: 4 }, [2, 6, 6]],
  ["image", { layout: "image" }, [2, 6, 3, 2]],
  ["channel first, cosine", { layout: "channelFirst", metric: "cosine" }, [2, 6, 6]],
  ["heads", { heads: 2, codebookDim: 3 }, [2, 6, 6]],
  ["heads with codebooks of their own", separate, [2, 6, 6]],
];

describe.each(rows)("targets: %s", (_, options, shape) => {
  const quantizer = vectorQuantize({ dim: 6, codebookSize: 5, ...options });
  const variables = quantizer.init(random.key(0));
  const x = () => random.normal(random.key(1), shape);
  const heads = options.heads ?? 1;
  const own = Array.from({ length: 12 * heads }, (_, n) => (n % 4 === 3 ? -1 : (n * 7) % 5));
  const plain = () => quantizer.apply(tree.ref(variables), x());

  it.each([false, true])(
    "give their cross-entropy alone and a proper output (training %s)",
    async (training) => {
      const expected = plain();
      const targets = integers(own, expected.indices.shape);
      const out = quantizer.apply(tree.ref(variables), x(), { targets, training });
      expect(await numbers(out.indices)).toEqual(await numbers(expected.indices));
      const output = await numbers(expected.quantized);
      (await numbers(out.quantized)).forEach((value, at) => {
        expect(value).toBeCloseTo(output[at] as number, 5);
      });
      const loss = (await numbers(out.loss))[0] as number;
      expect((await numbers(out.losses.crossEntropy))[0]).toBe(loss);
      expect(await numbers(out.losses.commitment)).toEqual([0]);
      expect(loss).toBeCloseTo(await crossEntropy(), 4);
      tree.dispose([expected.loss, expected.losses, expected.state, out.state] as never);
    },
  );

  it("send gradients to the input", async () => {
    const loss = (input: np.Array) => {
      const targets = integers(own, heads > 1 ? [...positions(), heads] : positions());
      const out = quantizer.apply(tree.ref(variables), input, { targets });
      tree.dispose([out.quantized, out.indices, out.losses, out.state] as never);
      return out.loss;
    };
    const gradient = await numbers(grad(loss)(x()));
    expect(gradient.some((value) => Math.abs(value) > 1e-4)).toBe(true);
    expect(gradient.every(Number.isFinite)).toBe(true);
  });

  const positions = () =>
    options.layout ? [shape[0] as number, ...shape.slice(2)] : shape.slice(0, -1);

  /** By hand, from the distances or products of the vectors as the codebook sees them. */
  async function crossEntropy(): Promise<number> {
    const last = options.layout ? np.moveaxis(x(), 1, -1) : x();
    let vectors = last.reshape([12, 6]);
    const { projectIn } = variables.params;
    if (projectIn) vectors = np.matmul(vectors, projectIn.weight.ref).add(projectIn.bias.ref);
    const width = (vectors.shape[1] as number) / heads;
    const parts = rowsOf(await numbers(vectors), width);
    const codes = rowsOf(await numbers(quantizer.codebook(tree.ref(variables))), width);
    let [sum, count] = [0, 0];
    for (const [n, part] of parts.entries()) {
      const target = own[n] as number;
      if (target < 0) continue;
      const book = options.separateCodebookPerHead
        ? codes.slice((n % heads) * 5, (n % heads) * 5 + 5)
        : codes;
      const size = Math.hypot(...part);
      const logits = book.map((code) =>
        options.metric === "cosine"
          ? code.reduce((total, c, d) => total + (c * (part[d] as number)) / size, 0)
          : -Math.hypot(...code.map((c, d) => c - (part[d] as number))),
      );
      const total = Math.log(logits.reduce((all, logit) => all + Math.exp(logit), 0));
      sum += total - (logits[target] as number);
      count++;
    }
    return sum / count;
  }
});
