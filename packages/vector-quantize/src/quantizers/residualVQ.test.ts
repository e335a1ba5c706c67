import { grad, jit, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { leaves, numbers } from "../../../../test/support/arrays.ts";
import {
  base,
  cloud,
  depthOf,
  difference,
  fitted,
  meanSquare,
  run,
} from "../../../../test/support/residualVQ.ts";
import { sgd } from "../train/optimizers.ts";
import { checkIndices } from "./checkIndices.ts";
import type { Quantizer } from "./contract.ts";
import type { ResidualVariables } from "./residual/layers.ts";
import { residualVQ } from "./residualVQ.ts";
import { createTrainingPass } from "./trainingPass.ts";

describe("layers", () => {
  it("each fit lowers the error of the layers before", async () => {
    const { quantizer, variables } = await fitted();
    const x = await numbers(cloud());
    const errors: number[] = [];
    for (let depth = 1; depth <= 4; depth++) {
      const out = await run(quantizer, variables, cloud(), { depth });
      tree.dispose(out.state);
      errors.push(meanSquare(difference(x, out.quantized)));
    }
    for (let at = 1; at < 4; at++)
      expect(errors[at]).toBeLessThan((errors[at - 1] as number) * 0.8);
    tree.dispose(variables);
  });

  it("quantize what the layers before left", async () => {
    const { quantizer, variables } = await fitted();
    const { rows, state } = await run(quantizer, variables, cloud());
    const books = await Promise.all(
      variables.state.layers.map((own) => numbers((own as { codebook: np.Array }).codebook.ref)),
    );
    const x = await numbers(cloud());
    rows.forEach((row, n) => {
      const residual = x.slice(n * 4, n * 4 + 4);
      row.forEach((index, layer) => {
        const codes = books[layer] as number[];
        const gap = (k: number) => meanSquare(difference(residual, codes.slice(k * 4, k * 4 + 4)));
        const least = Math.min(...Array.from({ length: 8 }, (_, k) => gap(k)));
        expect(gap(index)).toBeCloseTo(least, 5);
        residual.forEach((value, d) => {
          residual[d] = value - (codes[index * 4 + d] as number);
        });
      });
    });
    tree.dispose([variables, state] as never);
  });

  it("may have a codebook size each", async () => {
    const { quantizer, variables } = await fitted({ codebookSize: [7, 2, 5, 1] });
    expect(quantizer.codebookSizes).toEqual([7, 2, 5, 1]);
    const { rows, state } = await run(quantizer, variables, cloud());
    expect(new Set(rows.map((row) => row[3]))).toEqual(new Set([0]));
    expect(Math.max(...rows.map((row) => row[1] as number))).toBe(1);
    tree.dispose([variables, state] as never);
  });

  it("send a share of their gradient to the layers before", () => {
    const gradientWith = async (quantGradFrac: number) => {
      const { quantizer, variables } = await fitted({ quantGradFrac, gradient: "straightThrough" });
      const loss = (x: np.Array) => {
        const { quantized, ...rest } = quantizer.apply(tree.ref(variables), x, { training: true });
        tree.dispose(rest);
        return np.sum(quantized);
      };
      const found = await numbers(jit(grad(loss))(cloud()));
      tree.dispose(variables);
      return found[0];
    };
    // Straight through, a layer's output follows its input: all four layers do at 0, and at 1 the
    // first alone, since it takes the whole input away from the rest.
    return expect(Promise.all([0, 0.5, 1].map(gradientWith))).resolves.toEqual([4, 1.875, 1]);
  });
});

describe("a shared codebook", () => {
  it("stands still while the layers use it, and moves once a step", async () => {
    const { quantizer, variables } = await fitted({ sharedCodebook: true });
    expect(variables.state.layers.length).toBe(1);
    const evaluated = await run(quantizer, variables, cloud());
    const trained = await run(quantizer, variables, cloud(), { training: true });
    expect(trained.rows).toEqual(evaluated.rows);
    const [before, after] = [evaluated.state, trained.state].map(
      ({ layers }) => layers[0] as { codebook: np.Array },
    );
    expect(await numbers(after?.codebook.ref)).not.toEqual(await numbers(before?.codebook.ref));
    tree.dispose([variables, evaluated.state, trained.state] as never);
  });

  it.each([true, false])("rests where it is frozen, by option: %s", async (byOption) => {
    const options = { sharedCodebook: true, thresholdEmaDeadCode: 2 };
    const { quantizer, variables } = await fitted(options);
    // Averages that differ from the codes: following them would show.
    const moved = quantizer.apply(variables, cloud(3), { training: true, key: random.key(1) });
    const [own] = moved.state.layers as unknown as [{ codeSums: np.Array }];
    const state = { layers: [{ ...own, codeSums: own.codeSums.mul(1.5) }] };
    const start = { params: { layers: [{}] }, state };
    const frozen = residualVQ({ ...base, ...options, freezeCodebook: byOption });
    const out = await run(frozen, start, cloud(), {
      training: true,
      key: random.key(2),
      ...(!byOption && { freezeCodebook: true }),
    });
    expect(await leaves(out.state)).toEqual(await leaves(tree.ref(state)));
    tree.dispose([state, moved.quantized, moved.indices, moved.loss, moved.losses] as never);
  });
});

describe("a shared codebook with an in-place optimizer", () => {
  it("takes one step along the gradients of all layers, without moving averages", async () => {
    const quantizer = residualVQ({
      ...base,
      sharedCodebook: true,
      learnableCodebook: true,
      inPlaceCodebookOptimizer: { name: "sgd", optimizer: sgd(0.5) },
    });
    const variables = quantizer.init(random.key(0));
    const { state } = await run(quantizer, variables, cloud(), { training: true });
    const [own] = state.layers as unknown as [{ shift: np.Array; codebookGradient: np.Array }];
    expect(meanSquare(await numbers(own.shift.ref))).toBeGreaterThan(0);
    expect(meanSquare(await numbers(own.codebookGradient.ref))).toBe(0);
    tree.dispose([variables, state] as never);
  });
});

describe("decoding", () => {
  it("takes fewer columns, and -1 for what is missing", async () => {
    const { quantizer, variables } = await fitted({ codebookDim: 3 });
    const indices = await quantizer.encode(tree.ref(variables), cloud());
    const coarse = indices.ref.slice([], [], [0, 2]);
    const hidden = np.where(np.arange(4).less(2), indices.ref, -1).astype(np.int32);
    const depth = await run(quantizer, variables, cloud(), { depth: 2 });
    expect(await numbers(quantizer.decode(tree.ref(variables), coarse))).toEqual(depth.quantized);
    expect(await numbers(quantizer.decode(tree.ref(variables), hidden))).toEqual(depth.quantized);
    tree.dispose([variables, indices, depth.state] as never);
  });

  it("names the layer and row of a code that does not exist", async () => {
    const { quantizer, variables } = await fitted();
    const indices = np.array([0, 1, 2, 3, 4, 8, -1, 7], { shape: [2, 4] }).astype(np.int32);
    await expect(checkIndices(quantizer, indices.ref)).rejects.toThrow(
      "residualVQ: indices: layer 1, row 1: expected 0 to 7, or -1 for none, got 8",
    );
    const decoded = await numbers(quantizer.decode(variables, indices));
    expect(decoded.slice(0, 4).every(Number.isFinite)).toBe(true);
    expect(decoded.slice(4).every(Number.isNaN)).toBe(true);
  });

  it("refuses columns that no layer has", () => {
    const quantizer = residualVQ(base);
    const columns = np.zeros([2, 5], { dtype: np.int32 });
    expect(() => quantizer.decode(quantizer.init(random.key(0)), columns)).toThrow(
      "residualVQ.decode: shape of indices: expected [..., 1 to 4], a column per layer, got [2, 5]",
    );
  });
});

describe("masks", () => {
  it.each(["mask", "lengths"] as const)("keep padding out of everything, by %s", async (kind) => {
    const { quantizer, variables } = await fitted();
    const real = np.arange(10).less(np.array([10, 6, 0]).reshape([3, 1]));
    const given =
      kind === "mask" ? { mask: real.ref } : { lengths: np.array([10, 6, 0]).astype(np.int32) };
    const noisy = np.where(np.expandDims(real, -1), cloud(), 1e6);
    const clean = await run(quantizer, variables, cloud(), { training: true, ...tree.ref(given) });
    const other = await run(quantizer, variables, noisy, { training: true, ...given });
    expect(other.rows).toEqual(clean.rows);
    expect(other.rows.map(depthOf).filter((depth) => depth === 0).length).toBe(14);
    expect(other.loss).toEqual(clean.loss);
    expect(other.quantized.slice(64).every((value) => value === 0)).toBe(true);
    expect(await leaves(other.state)).toEqual(await leaves(clean.state));
    tree.dispose(variables);
  });
});

describe("targets", () => {
  it("score each layer on what the targets before it left", async () => {
    const { quantizer, variables } = await fitted({ codebookSize: 3 });
    const targets = await quantizer.encode(tree.ref(variables), cloud());
    const own = await run(quantizer, variables, cloud(), { targets: targets.ref });
    const other = await run(quantizer, variables, cloud(), {
      targets: np.where(targets.ref.equal(0), 1, targets.ref).astype(np.int32),
    });
    expect(own.rows.flat()).toEqual(await numbers(targets));
    own.loss.forEach((value, layer) => {
      expect(value).toBeGreaterThan(0);
      expect(value).toBeLessThan(other.loss[layer] as number);
      expect(value).toBeLessThan(Math.log(3));
    });
    const plain = await run(quantizer, variables, cloud());
    expect(own.quantized).toEqual(plain.quantized);
    tree.dispose([variables, own.state, other.state, plain.state] as never);
  });

  it("leave out what is -1", async () => {
    const { quantizer, variables } = await fitted();
    const targets = await quantizer.encode(tree.ref(variables), cloud());
    const part = np.where(np.arange(30).reshape([3, 10, 1]).less(20), targets, -1).astype(np.int32);
    const half = await run(quantizer, variables, cloud(), { targets: part.ref });
    const alone = await run(quantizer, variables, cloud().slice([0, 2]), {
      targets: part.slice([0, 2]),
    });
    half.loss.forEach((value, layer) => {
      expect(value).toBeCloseTo(alone.loss[layer] as number, 5);
    });
    tree.dispose([variables, half.state, alone.state] as never);
  });
});

describe("given indices", () => {
  it("take the place of the search, and the state waits for update", async () => {
    const { quantizer, variables } = await fitted();
    const indices = await quantizer.encode(tree.ref(variables), cloud());
    const call = { training: true, indices: indices.ref };
    const given = await run(quantizer, variables, cloud(), call);
    const searched = await run(quantizer, variables, cloud(), { training: true });
    expect(given.quantized).toEqual(searched.quantized);
    expect(given.loss).toEqual(searched.loss);
    expect(await leaves(given.state)).toEqual(await leaves(tree.ref(variables.state)));
    const moved = await quantizer.update(variables, cloud(), indices);
    expect(await leaves(moved)).toEqual(await leaves(searched.state));
  });

  it("let layers rest that no vector reaches", async () => {
    const { quantizer, variables } = await fitted({ quantizeDropout: true });
    const dropped = quantizer.apply(tree.ref(variables), cloud(), { training: true, depth: 2 });
    const moved = await quantizer.update(variables, cloud(), dropped.indices);
    expect(await leaves(moved)).toEqual(await leaves(dropped.state));
    tree.dispose([dropped.quantized, dropped.loss, dropped.losses] as never);
  });
});

describe("directional gradients", () => {
  it("put noise around the sum in training, none in evaluation", async () => {
    const quantizer = residualVQ({ ...base, gradient: "directional" });
    const variables = quantizer.init(random.key(0));
    const evaluated = [
      await run(quantizer, variables, cloud()),
      await run(quantizer, variables, cloud()),
    ];
    expect(evaluated[0]?.quantized).toEqual(evaluated[1]?.quantized);
    const call = { training: true, key: random.key(1) };
    const trained = await run(quantizer, variables, cloud(), call);
    expect(trained.quantized).not.toEqual(evaluated[0]?.quantized);
    // As far from the input as the sum of the codes is.
    const x = await numbers(cloud());
    const far = (values: number[] | undefined, n: number) =>
      meanSquare(difference(x, values as number[]).slice(n * 4, n * 4 + 4));
    for (let n = 0; n < 30; n++) {
      expect(far(trained.quantized, n)).toBeCloseTo(far(evaluated[0]?.quantized, n), 5);
    }
    expect(() => quantizer.apply(tree.ref(variables), cloud(), { training: true })).toThrow(/key/);
    tree.dispose([variables, trained.state, ...evaluated.map(({ state }) => state)] as never);
  });
});

describe("implicit codebooks", () => {
  it("train their networks, and decode to what they quantized", async () => {
    const options = { implicitNeuralCodebook: true, implicitDepth: 1, implicitHidden: 6 };
    const { quantizer, variables } = await fitted(options);
    const loss = (params: ResidualVariables["params"]) => {
      const call = { params, state: tree.ref(variables.state) };
      const { quantized, loss, ...rest } = quantizer.apply(call, cloud(), { training: true });
      tree.dispose(rest);
      return np.sum(loss).add(np.mean(np.square(quantized.sub(cloud()))));
    };
    const gradients = (jit as (run: unknown) => (p: never) => unknown)(
      (grad as (run: unknown) => unknown)(loss),
    )(tree.ref(variables.params) as never) as unknown as ResidualVariables["params"];
    for (const network of gradients.implicit ?? []) {
      const values = (await leaves(network)).flat();
      expect(values.every(Number.isFinite)).toBe(true);
      expect(meanSquare(values)).toBeGreaterThan(0);
    }
    tree.dispose([variables, gradients.layers] as never);
  });
});

describe("encode", () => {
  it("goes by the codebooks that it is given, whatever it was given before", async () => {
    const quantizer = residualVQ(base);
    const some = [0, 1].map((seed) => quantizer.init(random.key(seed)));
    const wanted = new Map<unknown, number[]>();
    for (const variables of some) {
      const { indices, ...rest } = quantizer.apply(tree.ref(variables), cloud());
      wanted.set(variables, await numbers(indices));
      tree.dispose(rest);
    }
    const [first, second] = some as [ResidualVariables, ResidualVariables];
    expect(wanted.get(first)).not.toEqual(wanted.get(second));
    const key = random.key(2);
    for (const variables of [first, first, second, first, first, second, second]) {
      const indices = await quantizer.encode(tree.ref(variables), cloud());
      expect(await numbers(indices)).toEqual(wanted.get(variables));
      // A training pass has the same search in between.
      if (variables !== second) continue;
      const run = createTrainingPass(quantizer as unknown as Quantizer);
      const { quantized } = await run(tree.ref(variables) as never, cloud(), { key: key.ref });
      tree.dispose(quantized as never);
    }
    tree.dispose([some, key] as never);
  });
});

describe("options", () => {
  it("say what is wrong", () => {
    expect(() => residualVQ({ dim: 4, codebookSize: 8 })).toThrow(/numQuantizers/);
    expect(() => residualVQ({ ...base, codebookSize: [8, 8] })).toThrow(/4 sizes, one per layer/);
    expect(() => residualVQ({ ...base, sharedCodebook: true, codebookSize: [8, 8, 8, 4] })).toThrow(
      /one size for all layers/,
    );
    expect(() => residualVQ({ ...base, quantGradFrac: 2 })).toThrow(/quantGradFrac/);
    expect(() => residualVQ({ ...base, heads: 2 } as never)).toThrow(/heads/);
  });
});
