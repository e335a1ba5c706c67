import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { leaves, numbers, rowsOf } from "../../../../../test/support/arrays.ts";
import { base, cloud, depthOf, fitted, run } from "../../../../../test/support/residualVQ.ts";
import { type ResidualVQOptions, residualVQ } from "../residualVQ.ts";

describe("quantizer dropout", () => {
  const drop = { quantizeDropout: true };
  const depths = async (options: Partial<ResidualVQOptions>, draws = 60) => {
    const { quantizer, variables } = await fitted({ ...drop, ...options });
    const found: number[] = [];
    for (let seed = 0; seed < draws; seed++) {
      const call = { training: true, key: random.key(seed) };
      const { rows, state } = await run(quantizer, variables, cloud(1, [5, 4]), call);
      tree.dispose(state);
      expect(new Set(rows.map(depthOf)).size).toBe(1);
      found.push(depthOf(rows[0]));
    }
    tree.dispose(variables);
    return found;
  };

  it("draws every depth, the last layer included", async () => {
    const found = await depths({});
    expect([...new Set(found)].sort()).toEqual([1, 2, 3, 4]);
    for (const depth of [1, 2, 3, 4]) {
      expect(found.filter((value) => value === depth).length).toBeGreaterThan(4);
    }
  });

  it("keeps the layers before the cutoff, and multiples", async () => {
    const byCutoff = await depths({ quantizeDropoutCutoffIndex: 2 }, 20);
    expect([...new Set(byCutoff)].sort()).toEqual([3, 4]);
    const byMultiple = await depths({ quantizeDropoutMultipleOf: 2 }, 20);
    expect([...new Set(byMultiple)].sort()).toEqual([2, 4]);
  });

  it("draws the same depth for the same key", async () => {
    expect(await depths({}, 6)).toEqual(await depths({}, 6));
  });

  it("leaves dropped layers as they are, without loss", async () => {
    const { quantizer, variables } = await fitted(drop);
    const call = { training: true, depth: 2 };
    const { rows, loss, state } = await run(quantizer, variables, cloud(), call);
    expect(rows.map(depthOf).every((depth) => depth === 2)).toBe(true);
    expect(loss.map((value) => value > 0)).toEqual([true, true, false, false]);
    for (const layer of [0, 1, 2, 3]) {
      const [before, after] = await Promise.all(
        [variables.state, state].map(({ layers }) => leaves(tree.ref(layers[layer] as never))),
      );
      if (layer < 2) expect(after).not.toEqual(before);
      else expect(after).toEqual(before);
    }
    tree.dispose([variables, state] as never);
  });

  it.each(["a number", "an array", "a draw"])(
    "has no loss by name of dropped layers: %s",
    async (by) => {
      const { quantizer, variables } = await fitted({ ...drop, orthogonalRegWeight: 0.1 });
      const depth = () => (by === "an array" ? np.array(2) : 2);
      let used = 4;
      for (let seed = 0; used === 4; seed++) {
        const call = { training: true, key: random.key(seed) };
        const given = by === "a draw" ? call : { ...call, depth: depth() };
        const out = quantizer.apply(tree.ref(variables), cloud(), given);
        used = depthOf(rowsOf(await numbers(out.indices), 4)[0]); // the same for all vectors
        for (const name of ["commitment", "orthogonal"]) {
          const losses = await numbers(out.losses[name]?.ref);
          expect(losses.map((loss) => loss > 0)).toEqual([0, 1, 2, 3].map((layer) => layer < used));
        }
        tree.dispose([out.quantized, out.loss, out.losses, out.state] as never);
      }
      tree.dispose(variables);
    },
  );

  it("replaces dead codes of a shared codebook by what reached its layers alone", async () => {
    // All codes are dead, so all are replaced; behind one layer that is by vectors of the input.
    const { quantizer, variables } = await fitted({
      ...drop,
      sharedCodebook: true,
      thresholdEmaDeadCode: 1e4,
    });
    const seen = new Set(await numbers(cloud()));
    const foundAt = new Map<number, boolean>();
    for (let seed = 0; foundAt.size < 2; seed++) {
      const call = { training: true, key: random.key(seed) };
      const { rows, state } = await run(quantizer, variables, cloud(), call);
      const depth = depthOf(rows[0]);
      const [{ codebook }] = state.layers as unknown as [{ codebook: np.Array }];
      const codes = await numbers(codebook.ref);
      tree.dispose(state);
      const all = codes.every((value) => seen.has(value));
      if (depth === 1 || depth === 4) foundAt.set(depth, all);
    }
    expect(Object.fromEntries(foundAt)).toEqual({ 1: true, 4: false });
    tree.dispose(variables);
  });

  it("gives way to a depth, as a number or as an array", async () => {
    const { quantizer, variables } = await fitted(drop);
    const call = { training: true, key: random.key(0) };
    const byNumber = await run(quantizer, variables, cloud(), { ...tree.ref(call), depth: 3 });
    const byArray = await run(quantizer, variables, cloud(), { ...call, depth: np.array(3) });
    expect(byNumber.rows.map(depthOf).every((depth) => depth === 3)).toBe(true);
    expect(byArray.rows).toEqual(byNumber.rows);
    expect(await leaves(byArray.state)).toEqual(await leaves(byNumber.state));
    byArray.quantized.forEach((value, at) => {
      expect(value).toBeCloseTo(byNumber.quantized[at] as number, 6);
    });
    tree.dispose(variables);
  });

  it("asks for a key, and for a depth that exists", () => {
    const quantizer = residualVQ({ ...base, ...drop });
    const start = () => quantizer.init(random.key(0));
    expect(() => quantizer.apply(start(), cloud(), { training: true })).toThrow(/options.key/);
    expect(() => quantizer.apply(start(), cloud(), { depth: 5 })).toThrow(
      "residualVQ.apply: depth: expected at most 4, the number of layers, got 5",
    );
    expect(() => quantizer.apply(start(), cloud(), { depth: 0 })).toThrow(/at least 1, got 0/);
    expect(() => residualVQ({ ...base, quantizeDropoutCutoffIndex: 4 })).toThrow(/less than/);
  });
});
