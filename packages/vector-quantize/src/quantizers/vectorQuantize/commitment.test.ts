/** Where the gradients of the commitment loss go: docs/commitment-loss.md. */
import { grad, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { numbers, rowsOf } from "../../../../../test/support/arrays.ts";
import type { CommitmentFunction } from "../../losses/commitment.ts";
import { vectorQuantize } from "../vectorQuantize.ts";
import type { VectorQuantizeVariables } from "./books.ts";
import type { VectorQuantizeOptions } from "./options.ts";

const [N, D, K, weight] = [12, 3, 5, 0.25];
const x = () => random.normal(random.key(1), [N, D]);

const absolute: CommitmentFunction = {
  name: "absolute",
  loss: ({ vectors, codes }) => np.mean(np.abs(vectors.sub(codes))),
};

/** The gradients of `loss` by all arrays of the quantizer and by the input, and what they follow from. */
async function gradients(options: Partial<VectorQuantizeOptions>) {
  const quantizer = vectorQuantize({
    dim: D,
    codebookSize: K,
    commitmentWeight: weight,
    ...options,
  });
  const variables = quantizer.init(random.key(0));
  const lossOf = (own: VectorQuantizeVariables, input: np.Array) => {
    const { loss, ...rest } = quantizer.apply(own, input, { training: true });
    tree.dispose(rest as never);
    return loss;
  };
  const run = grad(lossOf as never, { argnums: [0, 1] }) as unknown as (
    own: VectorQuantizeVariables,
    input: np.Array,
  ) => [VectorQuantizeVariables, np.Array];
  const indices = await numbers(await quantizer.encode(tree.ref(variables), x()));
  const codes = rowsOf(await numbers(quantizer.codebook(tree.ref(variables))), D);
  const [byVariables, byX] = run(variables, x());
  const errors = rowsOf(await numbers(x()), D).map((row, n) =>
    row.map((value, d) => value - (codes[indices[n] as number]?.[d] as number)),
  );
  return { byVariables, byX: await numbers(byX), errors, indices };
}

function expectClose(actual: number[], expected: number[]) {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 6);
}

describe("the commitment loss, ||x - sg(q)||^2", () => {
  it.each([{}, { freezeCodebook: true }])(
    "sends 2 w (x - q) / (N C) to the input, and nothing to the codes, with %o",
    async (options) => {
      const { byVariables, byX, errors } = await gradients(options);
      expectClose(
        byX,
        errors.flat().map((error) => (2 * weight * error) / (N * D)),
      );
      const { codebook, ...averages } = byVariables.state;
      expect(await numbers(codebook as np.Array)).toEqual(Array(K * D).fill(0));
      tree.dispose(averages as never);
    },
  );

  it.each(["crossEntropy", absolute] as const)(
    "sends nothing to the codes as %o either",
    async (commitment) => {
      const { byVariables, byX } = await gradients({ commitment });
      expect(byX.some((value) => value !== 0)).toBe(true);
      const { codebook, ...averages } = byVariables.state;
      expect(await numbers(codebook as np.Array)).toEqual(Array(K * D).fill(0));
      tree.dispose(averages as never);
    },
  );

  it("sends as much back to the codes of a learnable codebook", async () => {
    const { byVariables, byX, errors, indices } = await gradients({ learnableCodebook: true });
    const share = (error: number) => (2 * weight * error) / (N * D);
    expectClose(byX, errors.flat().map(share));
    const expected = Array.from({ length: K }, () => new Array<number>(D).fill(0));
    for (const [n, k] of indices.entries()) {
      errors[n]?.forEach((error, d) => {
        (expected[k] as number[])[d] = ((expected[k] as number[])[d] as number) - share(error);
      });
    }
    expectClose(await numbers(byVariables.params.codebook as np.Array), expected.flat());
    tree.dispose(byVariables.state as never);
  });

  it("is not computed at weight 0", async () => {
    const { byX } = await gradients({ commitmentWeight: 0 });
    expect(byX).toEqual(Array(N * D).fill(0));
  });
});
