import { type numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { numbers, rowsOf } from "../../../../../test/support/arrays.ts";
import { adam, sgd } from "../../train/optimizers.ts";
import { vectorQuantize } from "../vectorQuantize.ts";
import type { VectorQuantizeOptions } from "./options.ts";

const [N, D, K] = [20, 3, 5];
const x = (seed = 1) => random.normal(random.key(seed), [N, D]);
const make = (options: Partial<VectorQuantizeOptions> = {}) =>
  vectorQuantize({
    dim: D,
    codebookSize: K,
    learnableCodebook: true,
    inPlaceCodebookOptimizer: { name: "descent", optimizer: sgd(0.5) },
    ...options,
  });

describe("in-place optimizer", () => {
  it("moves the codes along the gradient of their error before they are used", async () => {
    const quantizer = make();
    const variables = quantizer.init(random.key(0));
    const before = rowsOf(await numbers(quantizer.codebook(tree.ref(variables))), D);
    const indices = await numbers(await quantizer.encode(tree.ref(variables), x()));
    const vectors = rowsOf(await numbers(x()), D);
    const expected = before.map((code, k) =>
      code.map((c, d) => {
        const own = vectors.filter((_, n) => indices[n] === k);
        const gradient = own.reduce((sum, v) => sum + 2 * (c - (v[d] as number)), 0) / (N * D);
        return c - 0.5 * gradient;
      }),
    );
    const {
      quantized,
      indices: found,
      losses,
      state,
      loss,
    } = quantizer.apply(tree.ref(variables), x(), { training: true });
    const after = { params: variables.params, state };
    const codes = await numbers(quantizer.codebook(tree.ref(after)));
    codes.forEach((value, at) => {
      expect(value).toBeCloseTo(expected.flat()[at] as number, 5);
    });
    expect((await numbers(losses.inPlace))[0]).toBeGreaterThan(0);
    const decoded = await numbers(quantizer.decode(after, found));
    (await numbers(quantized)).forEach((value, at) => {
      expect(value).toBeCloseTo(decoded[at] as number, 5);
    });
    tree.dispose([loss, variables.state] as never);
  });

  it("lowers the error over many steps, with any optimizer", async () => {
    const quantizer = make({ inPlaceCodebookOptimizer: { name: "adam", optimizer: adam(0.05) } });
    const { params, state: fresh } = quantizer.init(random.key(0));
    let state = fresh;
    const errors: number[] = [];
    for (let step = 0; step < 40; step++) {
      const out = quantizer.apply({ params: tree.ref(params), state }, x(), { training: true });
      errors.push((await numbers(out.losses.inPlace?.ref))[0] as number);
      tree.dispose([out.quantized, out.indices, out.loss, out.losses] as never);
      state = out.state;
    }
    expect(errors.at(-1)).toBeLessThan((errors[0] as number) / 1.5);
    tree.dispose([params, state] as never);
  });

  it("by hand waits, adds up gradients, and steps when told", async () => {
    const manual = make({ manualInPlaceOptimizerUpdate: true });
    const start = manual.init(random.key(0));
    const run = (variables: typeof start, seed: number) => {
      const { state, ...rest } = manual.apply(tree.ref(variables), x(seed), { training: true });
      tree.dispose(rest as never);
      return { params: variables.params, state };
    };
    const waiting = run(run(start, 1), 2);
    const codes = () => manual.codebook(tree.ref(start));
    expect(await numbers(manual.codebook(tree.ref(waiting)))).toEqual(await numbers(codes()));
    const gradient = await numbers(waiting.state.codebookGradient?.ref);
    const [once, other] = [run(start, 1), run(start, 2)];
    const sum = await numbers(
      once.state.codebookGradient?.ref.add((other.state.codebookGradient as np.Array).ref),
    );
    expect(gradient.some((value) => value !== 0)).toBe(true);
    gradient.forEach((value, at) => {
      expect(value).toBeCloseTo(sum[at] as number, 6);
    });
    const stepped = {
      params: start.params,
      state: manual.stepCodebookOptimizer(tree.ref(waiting)),
    };
    const before = await numbers(codes());
    (await numbers(manual.codebook(tree.ref(stepped)))).forEach((value, at) => {
      expect(value).toBeCloseTo((before[at] as number) - 0.5 * (gradient[at] as number), 5);
    });
    expect((await numbers(stepped.state.codebookGradient)).every((value) => value === 0)).toBe(
      true,
    );
  });

  it("is refused where it could not do what it says", () => {
    const without = vectorQuantize({ dim: D, codebookSize: K });
    expect(() => without.stepCodebookOptimizer(without.init(random.key(0)))).toThrow(
      "stepCodebookOptimizer: expected the option inPlaceCodebookOptimizer, got none",
    );
    expect(() => make({ learnableCodebook: false })).toThrow(
      "learnableCodebook with inPlaceCodebookOptimizer, got it off",
    );
  });
});
