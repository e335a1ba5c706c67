import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { checkIndices } from "./checkIndices.ts";
import { groupedResidualVQ } from "./groupedResidualVQ.ts";
import { residualVQ } from "./residualVQ.ts";

const base = { dim: 6, groups: 2, numQuantizers: 3, codebookSize: 8 };
const cloud = (shape = [2, 5, 6]) => random.normal(random.key(1), shape);
const numbers = async (x: np.Array | undefined) => [...(await (x as np.Array).data())] as number[];

describe("groupedResidualVQ", () => {
  it("tells the caller of `fit` what may be wrong with the sample, for each layer", async () => {
    const quantizer = groupedResidualVQ(base);
    const said: string[] = [];
    const warn = (message: string) => said.push(message);
    await quantizer.fit(quantizer.init(random.key(0)), cloud([4, 10, 6]), { warn, iterations: 1 });
    expect(said).toEqual(
      Array.from({ length: 6 }, () => "fit: 40 vectors for 8 codes; 312 or more give better codes"),
    );
  });

  it("quantizes each group as a quantizer of its own", async () => {
    const quantizer = groupedResidualVQ(base);
    const variables = quantizer.init(random.key(0));
    const indices = await quantizer.encode(tree.ref(variables), cloud());
    expect(indices.shape).toEqual([2, 2, 5, 3]);
    const alone = residualVQ({ dim: 3, numQuantizers: 3, codebookSize: 8 });
    for (const group of [0, 1]) {
      const own = { params: variables.params.groups[group], state: variables.state.groups[group] };
      const part = cloud().slice([], [], [group * 3, group * 3 + 3]);
      const found = await alone.encode(tree.ref(own) as never, part);
      expect(await numbers(found)).toEqual(await numbers(indices.ref.slice(group)));
    }
    tree.dispose([variables, indices] as never);
  });

  it("drops the same layers in all groups", async () => {
    const quantizer = groupedResidualVQ({ ...base, quantizeDropout: true });
    const variables = quantizer.init(random.key(0));
    const seen = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const call = { training: true, key: random.key(seed) };
      const { indices, loss, ...rest } = quantizer.apply(tree.ref(variables), cloud(), call);
      const depths = (await numbers(np.sum(indices.greaterEqual(0).astype(np.int32), -1))).flat();
      expect(new Set(depths).size).toBe(1);
      seen.add(depths[0] as number);
      expect(loss.shape).toEqual([2, 3]);
      tree.dispose([rest.losses, rest.quantized, rest.state, loss] as never);
    }
    expect([...seen].sort()).toEqual([1, 2, 3]);
    tree.dispose(variables);
  });

  it("takes a depth, targets and coarse indices for all groups", async () => {
    const quantizer = groupedResidualVQ(base);
    const variables = quantizer.init(random.key(0));
    const coarse = await quantizer.encode(tree.ref(variables), cloud(), { depth: 2 });
    const full = await quantizer.encode(tree.ref(variables), cloud());
    const targets = full.ref;
    const scored = quantizer.apply(tree.ref(variables), cloud(), { targets });
    expect(scored.loss.shape).toEqual([2, 3]);
    for (const value of await numbers(scored.loss)) expect(value).toBeGreaterThan(0);
    const cut = full.slice([], [], [], [0, 2]);
    expect(await numbers(quantizer.decode(tree.ref(variables), coarse))).toEqual(
      await numbers(quantizer.decode(tree.ref(variables), cut)),
    );
    tree.dispose([scored.quantized, scored.indices, scored.losses, scored.state] as never);
    tree.dispose(variables);
  });

  it("says what is wrong", async () => {
    const quantizer = groupedResidualVQ({ ...base, codebookSize: [8, 4, 2] });
    const start = () => quantizer.init(random.key(0));
    expect(() => groupedResidualVQ({ ...base, groups: 4 })).toThrow(
      "groupedResidualVQ: dim: expected a multiple of groups = 4, got 6",
    );
    const flat = () => np.zeros([5, 3], { dtype: np.int32 });
    expect(() => quantizer.decode(start(), flat())).toThrow(
      "shape of indices: expected [2, ..., 1 to 3], a row per group and a column per layer, got [5, 3]",
    );
    const wrong = np.array([0, 0, 0, 7, 3, 1, 0, 4, 0, 0, 0, 0], { shape: [2, 2, 3] });
    await expect(checkIndices(quantizer, wrong.astype(np.int32))).rejects.toThrow(
      "group 1, layer 1, row 0: expected 0 to 3, or -1 for none, got 4",
    );
  });
});
