import { numpy as np, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { leaves, numbers } from "../../../../../test/support/arrays.ts";
import {
  base,
  cloud,
  depthOf,
  difference,
  fitted,
  meanSquare,
  run,
} from "../../../../../test/support/residualVQ.ts";
import { residualVQ } from "../residualVQ.ts";
import type { ResidualVariables } from "./layers.ts";

describe("beam search", () => {
  const weights = [1, 0.5, 2, 1];
  /** Weighted squared error of the paths, summed over the layers: what the search makes small. */
  async function score(variables: ResidualVariables, rows: number[][]) {
    const books = await Promise.all(
      variables.state.layers.map((own) => numbers((own as { codebook: np.Array }).codebook.ref)),
    );
    const x = await numbers(cloud());
    return rows.map((row, n) => {
      let residual = x.slice(n * 4, n * 4 + 4);
      return row.reduce((sum, index, layer) => {
        const codes = (books[layer] as number[]).slice(index * 4, index * 4 + 4);
        residual = difference(residual, codes);
        return sum + (weights[layer] as number) * meanSquare(residual);
      }, 0);
    });
  }

  it("finds paths of a lower score the wider it is, and all of them when wide enough", async () => {
    const { quantizer, variables } = await fitted({
      codebookSize: 3,
      beamScoreQuantizerWeights: weights,
    });
    const scores: number[][] = [];
    for (const beamSize of [1, 2, 3, 81]) {
      const { rows, state } = await run(quantizer, variables, cloud(), { beamSize });
      tree.dispose(state);
      scores.push(await score(variables, rows));
    }
    const total = (values: number[] | undefined) => (values as number[]).reduce((a, b) => a + b);
    const [greedy, , , whole] = scores;
    expect(total(whole)).toBeLessThan(total(greedy));
    const best = await bestOfAll(variables);
    (whole as number[]).forEach((value, n) => {
      expect(value).toBeCloseTo(best[n] as number, 4);
    });
    // A beam forgets paths, so single vectors may lose by a wider one; all together do not.
    expect(total(scores[1])).toBeLessThanOrEqual(total(greedy));
    expect(total(scores[2])).toBeLessThanOrEqual(total(scores[1]));
    tree.dispose(variables);

    async function bestOfAll(own: ResidualVariables) {
      const paths = Array.from({ length: 81 }, (_, path) =>
        [27, 9, 3, 1].map((place) => Math.floor(path / place) % 3),
      );
      const each: number[][] = [];
      for (const path of paths) each.push(await score(own, Array(30).fill(path)));
      return Array.from({ length: 30 }, (_, n) => Math.min(...each.map((all) => all[n] as number)));
    }
  });

  it("is greedy with one path, and the same in training and in evaluation", async () => {
    const { quantizer, variables } = await fitted({ beamSize: 3 });
    const call = { training: true };
    const trained = await run(quantizer, variables, cloud(), call);
    const evaluated = await run(quantizer, variables, cloud());
    expect(trained.rows).toEqual(evaluated.rows);
    const one = await run(quantizer, variables, cloud(), { beamSize: 1 });
    const plain = residualVQ(base);
    const greedy = await run(plain, variables, cloud());
    expect(one.rows).toEqual(greedy.rows);
    expect(evaluated.rows).not.toEqual(greedy.rows);
    expect(await numbers(await quantizer.encode(tree.ref(variables), cloud()))).toEqual(
      evaluated.rows.flat(),
    );
    tree.dispose(
      [variables, trained, evaluated, one, greedy].map((o) =>
        "state" in o ? o.state : o,
      ) as never,
    );
  });

  it("moves every layer's codebook", async () => {
    const { quantizer, variables } = await fitted({ beamSize: 2 });
    const { state } = await run(quantizer, variables, cloud(), { training: true });
    for (const layer of [0, 1, 2, 3]) {
      const [before, after] = await Promise.all(
        [variables.state, state].map(({ layers }) => leaves(tree.ref(layers[layer] as never))),
      );
      expect(after).not.toEqual(before);
    }
    tree.dispose([variables, state] as never);
  });

  it("finds the best path of the depth that dropout draws", async () => {
    const { quantizer, variables } = await fitted({ beamSize: 3, quantizeDropout: true });
    const byNumber = await run(quantizer, variables, cloud(), { training: true, depth: 2 });
    const byArray = await run(quantizer, variables, cloud(), {
      training: true,
      depth: np.array(2),
    });
    expect(byArray.rows).toEqual(byNumber.rows);
    tree.dispose([variables, byNumber.state, byArray.state] as never);
  });

  it("sees implicit codebooks and masks", async () => {
    const options = {
      beamSize: 2,
      implicitNeuralCodebook: true,
      implicitDepth: 1,
      numQuantizers: 3,
    };
    const { quantizer, variables } = await fitted(options);
    const mask = np.arange(30).reshape([3, 10]).less(25);
    const { rows, state } = await run(quantizer, variables, cloud(), { training: true, mask });
    expect(rows.map(depthOf)).toEqual([...Array(25).fill(3), ...Array(5).fill(0)]);
    tree.dispose([variables, state] as never);
  });

  it("refuses weights that are not one per layer", () => {
    expect(() => residualVQ({ ...base, beamScoreQuantizerWeights: [1, 1] })).toThrow(
      "residualVQ: beamScoreQuantizerWeights: expected 4 weights, one per layer, got [1, 1]",
    );
  });
});
