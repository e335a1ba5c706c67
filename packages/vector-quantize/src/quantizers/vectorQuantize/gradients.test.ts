import { grad, nn, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { leaves, numbers, rowsOf } from "../../../../../test/support/arrays.ts";
import { directionalReparametrisation } from "../../gradients/directional.ts";
import { createTrainingPass } from "../trainingPass.ts";
import { vectorQuantize } from "../vectorQuantize.ts";
import type { VectorQuantizeParams } from "./books.ts";
import type { VectorQuantizeOptions } from "./options.ts";

const [N, D, K] = [10, 4, 6];
const x = () => random.normal(random.key(1), [N, D]);
const weight = () => random.normal(random.key(2), [N, D]);

/** Gradients of `sum(weight * quantized)` alone. */
async function gradients(options: Partial<VectorQuantizeOptions>) {
  const quantizer = vectorQuantize({ dim: D, codebookSize: K, commitmentWeight: 0, ...options });
  const { params, state } = quantizer.init(random.key(0));
  const objective = (own: VectorQuantizeParams, input: np.Array) => {
    const call = { params: own, state: tree.ref(state) };
    const out = quantizer.apply(call, input, { training: true, key: random.key(3) });
    const { quantized, ...rest } = out;
    tree.dispose(rest as never);
    return np.sum(quantized.mul(weight()));
  };
  const run = grad(objective as never, { argnums: [0, 1] }) as unknown as (
    own: VectorQuantizeParams,
    input: np.Array,
  ) => [VectorQuantizeParams, np.Array];
  const indices = await numbers(await quantizer.encode(tree.ref({ params, state }), x()));
  const codebook = quantizer.codebook(tree.ref({ params, state }));
  const [byParams, byX] = run(params, x());
  tree.dispose(state as never);
  return { byX: await numbers(byX), byParams, indices, codebook };
}

describe("synchronous updates", () => {
  it.each([0, 0.5, 1])(
    "send %d of the gradient to the codes and all of it to the input",
    async (v) => {
      const options = { gradient: "straightThrough", learnableCodebook: true } as const;
      const { byX, byParams, indices, codebook } = await gradients({ ...options, syncUpdateV: v });
      const given = rowsOf(await numbers(weight()), D);
      expect(byX).toEqual(given.flat());
      const expected = Array.from({ length: K }, () => new Array<number>(D).fill(0));
      for (const [n, k] of indices.entries()) {
        given[n]?.forEach((value, d) => {
          (expected[k] as number[])[d] = ((expected[k] as number[])[d] as number) + v * value;
        });
      }
      (await numbers(byParams.codebook)).forEach((value, at) => {
        expect(value).toBeCloseTo(expected.flat()[at] as number, 5);
      });
      codebook.dispose();
    },
  );

  it("leave the output as it is", async () => {
    const outputs = [0, 1].map((syncUpdateV) => {
      const quantizer = vectorQuantize({
        dim: D,
        codebookSize: K,
        learnableCodebook: true,
        syncUpdateV,
      });
      const { quantized, ...rest } = quantizer.apply(quantizer.init(random.key(0)), x(), {
        training: true,
      });
      tree.dispose(rest as never);
      return numbers(quantized);
    });
    expect(await outputs[1]).toEqual(await outputs[0]);
  });
});

describe("gumbel gradients", () => {
  it.each([0.3, 1, 2])("are those of the mean code at temperature %d", async (temperature) => {
    const { byX, codebook } = await gradients({
      gradient: "gumbel",
      sampleCodebookTemp: temperature,
    });
    const mean = (input: np.Array) => {
      const gaps = np.expandDims(input, 1).sub(codebook.ref); // [N, K, D]
      const logits = np.sqrt(np.sum(np.square(gaps), -1)).neg();
      const output = np.matmul(nn.softmax(logits.div(temperature), 1), codebook.ref);
      return np.sum(output.mul(weight()));
    };
    const expected = await numbers(grad(mean)(x()));
    byX.forEach((value, at) => {
      expect(value).toBeCloseTo(expected[at] as number, 4);
    });
    codebook.dispose();
  });

  it("put out a code, and need a temperature above 0", async () => {
    const quantizer = vectorQuantize({ dim: D, codebookSize: K, gradient: "gumbel" });
    const variables = quantizer.init(random.key(0));
    const { quantized, indices, ...rest } = quantizer.apply(tree.ref(variables), x(), {
      training: true,
    });
    const codes = await numbers(quantizer.codes(tree.ref(variables), indices));
    (await numbers(quantized)).forEach((value, at) => {
      expect(value).toBeCloseTo(codes[at] as number, 6);
    });
    expect(() =>
      quantizer.apply(tree.ref(variables), x(), { training: true, temperature: 0 }),
    ).toThrow("temperature with gumbel gradients: expected a number above 0, got 0");
    tree.dispose([rest, variables] as never);
  });
});

describe("the rotation trick", () => {
  it("passes the gradient of a vector of length 0 straight through, on both paths", async () => {
    const quantizer = vectorQuantize({ dim: D, codebookSize: K, commitmentWeight: 0 });
    const variables = quantizer.init(random.key(0));
    const zeros = () => np.where(np.arange(N).less(3).reshape([N, 1]), 0, x());
    const objective = (input: np.Array) => {
      const out = quantizer.apply(tree.ref(variables), input, { training: true });
      const { quantized, ...rest } = out;
      tree.dispose(rest as never);
      return np.sum(quantized.mul(weight()));
    };
    const given = await numbers(weight());
    const inGraph = await numbers(grad(objective)(zeros()));
    const pass = await createTrainingPass(quantizer as never)(tree.ref(variables), zeros());
    tree.dispose(pass.quantized as never);
    const onKernels = await numbers(
      (await pass.back({ quantized: weight(), loss: np.zeros([]) })).x,
    );
    for (const found of [inGraph, onKernels]) {
      expect(found.slice(0, 3 * D)).toEqual(given.slice(0, 3 * D));
      expect(found.slice(3 * D)).not.toEqual(given.slice(3 * D));
    }
    tree.dispose(variables as never);
  });
});

describe("directional reparametrisation", () => {
  it.each([0.25, 4])("adds noise of the variance %d to the direction", async (variance) => {
    const codes = () => random.normal(random.key(4), [N, D]);
    const noise = rowsOf(await numbers(random.normal(random.key(5), [N, D])), D);
    const error = rowsOf(await numbers(codes().sub(x())), D);
    const output = directionalReparametrisation(x(), codes(), variance, random.key(5));
    const moved = rowsOf(await numbers(output.sub(x())), D);
    const length = (row: number[]) => Math.hypot(...row);
    for (const [n, row] of error.entries()) {
      const noisy = row.map((e, d) => e + Math.sqrt(variance) * (noise[n]?.[d] as number));
      noisy.forEach((value, d) => {
        expect(moved[n]?.[d]).toBeCloseTo((value / length(noisy)) * length(row), 4);
      });
    }
  });

  const options = {
    dim: D,
    codebookSize: K,
    gradient: "directional",
    thresholdEmaDeadCode: 0.001,
  } as const;

  it("draws its noise by the key, in training alone", async () => {
    const quantizer = vectorQuantize({ ...options, directionalReparamVariance: 0.1 });
    const variables = quantizer.init(random.key(0));
    const output = async (given: object) => {
      const { quantized, ...rest } = quantizer.apply(tree.ref(variables), x(), given);
      tree.dispose(rest as never);
      return numbers(quantized);
    };
    const first = await output({ training: true, key: random.key(1) });
    expect(await output({ training: true, key: random.key(1) })).toEqual(first);
    expect(await output({ training: true, key: random.key(2) })).not.toEqual(first);
    const evaluated = await output({});
    expect(await output({ key: random.key(1) })).toEqual(evaluated);
    const indices = await quantizer.encode(tree.ref(variables), x());
    expect(await numbers(quantizer.decode(tree.ref(variables), indices))).toEqual(evaluated);
    expect(() => quantizer.apply(tree.ref(variables), x(), { training: true })).toThrow(
      "expected options.key, got none",
    );
  });

  it("has the code itself as output of a vector that lies on it, and finite gradients", async () => {
    const quantizer = vectorQuantize(options);
    const variables = quantizer.init(random.key(0));
    const codes = quantizer.codebook(tree.ref(variables));
    const objective = (input: np.Array) => {
      const out = quantizer.apply(tree.ref(variables), input, {
        training: true,
        key: random.key(1),
      });
      tree.dispose([out.indices, out.loss, out.losses, out.state] as never);
      return np.sum(np.square(out.quantized));
    };
    const value = await numbers(objective(codes.ref));
    expect(value[0]).toBeCloseTo((await numbers(np.sum(np.square(codes.ref))))[0] as number, 5);
    expect((await numbers(grad(objective)(codes))).every(Number.isFinite)).toBe(true);
  });

  it("needs dead codes to be replaced", () => {
    expect(() => vectorQuantize({ dim: D, codebookSize: K, gradient: "directional" })).toThrow(
      "thresholdEmaDeadCode above 0 with directional gradients, got 0",
    );
  });
});

describe('gradient "none"', () => {
  it("sends nothing to the input, and to the codes if they are learnable", async () => {
    const plain = await gradients({ gradient: "none" });
    expect(plain.byX.every((value) => value === 0)).toBe(true);
    const learnable = await gradients({ gradient: "none", learnableCodebook: true });
    expect(learnable.byX.every((value) => value === 0)).toBe(true);
    const byCodes = await leaves(learnable.byParams);
    expect(byCodes.flat().some((value) => value !== 0)).toBe(true);
    tree.dispose([plain.codebook, learnable.codebook]);
  });
});
