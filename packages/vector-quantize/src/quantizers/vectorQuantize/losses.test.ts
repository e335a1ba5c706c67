import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { numbers, rowsOf } from "../../../../../test/support/arrays.ts";
import { vectorQuantize } from "../vectorQuantize.ts";
import type { VectorQuantizeOptions } from "./options.ts";

const [D, K] = [3, 7];
const base = { dim: D, codebookSize: K };

/** A loss of a training step by its name, and the sum. */
async function lossOf(name: string, options: Partial<VectorQuantizeOptions>, x: np.Array) {
  const quantizer = vectorQuantize({ ...base, ...options });
  const { loss, losses, ...rest } = quantizer.apply(quantizer.init(random.key(0)), x, {
    training: true,
    key: random.key(1),
  });
  const [value, sum] = [await numbers(losses[name]?.ref), await numbers(loss)];
  tree.dispose([rest, losses] as never);
  return { value: value[0] as number, sum: sum[0] as number };
}

describe("diversity loss", () => {
  const options = { codebookDiversityLossWeight: 0.5, codebookDiversityTemperature: 3 };
  const x = () => random.normal(random.key(1), [64, D]);
  const diversity = (input: np.Array, more: Partial<VectorQuantizeOptions> = {}) =>
    lossOf("codebookDiversity", { ...options, ...more }, input);

  it("is the negative entropy of the mean use of the codes", async () => {
    const quantizer = vectorQuantize(base);
    const codes = rowsOf(await numbers(quantizer.codebook(quantizer.init(random.key(0)))), D);
    const mean = new Array<number>(K).fill(0);
    for (const vector of rowsOf(await numbers(x()), D)) {
      const weights = codes.map((code) =>
        Math.exp(-3 * Math.hypot(...code.map((c, d) => c - (vector[d] as number)))),
      );
      const total = weights.reduce((a, b) => a + b);
      weights.forEach((weight, k) => {
        mean[k] = (mean[k] as number) + weight / total / 64;
      });
    }
    const expected = mean.reduce((sum, p) => sum + p * Math.log(p), 0);
    expect((await diversity(x())).value).toBeCloseTo(expected, 4);
  });

  it("counts every vector alike, whichever axis it stands on", async () => {
    const { value } = await diversity(x());
    for (const shape of [
      [1, 64, D],
      [64, 1, D],
      [8, 8, D],
      [2, 4, 8, D],
    ]) {
      expect((await diversity(x().reshape(shape))).value).toBeCloseTo(value, 5);
    }
    const image = np.moveaxis(x().reshape([4, 4, 4, D]), -1, 1);
    expect((await diversity(image, { layout: "image" })).value).toBeCloseTo(value, 5);
  });

  it("is part of the sum by its weight", async () => {
    const without = await lossOf("commitment", {}, x());
    const { value, sum } = await diversity(x());
    expect(sum).toBeCloseTo(without.value + 0.5 * value, 5);
  });
});

describe("orthogonal loss", () => {
  const x = () => random.normal(random.key(1), [3, D]).mul(0.01);
  const cosines = (codes: number[][]) => {
    const unit = codes.map((code) => code.map((c) => c / Math.hypot(...code)));
    const n = codes.length;
    let sum = 0;
    for (const a of unit) {
      for (const b of unit) sum += a.reduce((dot, v, d) => dot + v * (b[d] as number), 0) ** 2;
    }
    return sum / (n * n) - 1 / n;
  };
  const codesOf = async (options: Partial<VectorQuantizeOptions>) => {
    const quantizer = vectorQuantize({ ...base, ...options });
    const variables = quantizer.init(random.key(0));
    const indices = await numbers(await quantizer.encode(tree.ref(variables), x()));
    const width = options.codebookDim ?? D;
    return { codes: rowsOf(await numbers(quantizer.codebook(variables)), width), indices };
  };
  const still = { emaUpdate: false, orthogonalRegWeight: 2 } as const;

  it("is the mean squared cosine between different codes", async () => {
    const { value } = await lossOf("orthogonal", still, x());
    expect(value).toBeCloseTo(cosines((await codesOf(still)).codes), 5);
  });

  it("looks at the codes of the batch alone if told so", async () => {
    const options = { ...still, orthogonalRegActiveCodesOnly: true };
    const { codes, indices } = await codesOf(options);
    const active = codes.filter((_, k) => indices.includes(k));
    expect(active.length).toBeLessThan(K);
    const { value } = await lossOf("orthogonal", options, x());
    expect(value).toBeCloseTo(cosines(active), 5);
  });

  it("looks at each head's own codes, active ones too", async () => {
    const options = {
      ...still,
      orthogonalRegActiveCodesOnly: true,
      heads: 3,
      codebookDim: 2,
      separateCodebookPerHead: true,
    };
    const { codes, indices } = await codesOf(options);
    const byHead = [0, 1, 2].map((head) => {
      const own = codes.slice(head * K, (head + 1) * K);
      return cosines(
        own.filter((_, k) => indices.some((index, n) => n % 3 === head && index === k)),
      );
    });
    const { value } = await lossOf("orthogonal", options, x());
    expect(value).toBeCloseTo(byHead.reduce((a, b) => a + b) / 3, 5);
  });

  it("looks at a random part of them if told so", async () => {
    const options = { ...still, orthogonalRegMaxCodes: 2 };
    const { codes } = await codesOf(options);
    const pairs = codes.flatMap((a, i) => codes.slice(i + 1).map((b) => cosines([a, b])));
    const { value } = await lossOf("orthogonal", options, x());
    expect(Math.min(...pairs.map((pair) => Math.abs(pair - value)))).toBeLessThan(1e-5);
  });

  it("is 0 where no code is active", async () => {
    const quantizer = vectorQuantize({ ...base, ...still, orthogonalRegActiveCodesOnly: true });
    const { losses, ...rest } = quantizer.apply(quantizer.init(random.key(0)), x(), {
      training: true,
      mask: np.zeros([3]).greater(0),
    });
    expect(await numbers(losses.orthogonal?.ref)).toEqual([0]);
    tree.dispose([rest, losses] as never);
  });
});
