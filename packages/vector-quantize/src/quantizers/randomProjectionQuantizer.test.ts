import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { type ContractRow, holdsContract } from "../../../../test/support/contract.ts";
import {
  type RandomProjectionOptions,
  randomProjectionQuantizer,
} from "./randomProjectionQuantizer.ts";

const base: RandomProjectionOptions = { dim: 6, codebookDim: 6, codebookSize: 8 };
const numbers = async (x: np.Array | undefined) => [...(await (x as np.Array).data())] as number[];
const cloud = () => random.normal(random.key(1), [2, 5, 6]);

// The contract speaks of outputs of the input's size: numCodebooks * codebookDim is dim here.
const row = (
  name: string,
  options: Partial<RandomProjectionOptions> = {},
  shape = [2, 5, 6],
): ContractRow => ({
  name: `randomProjectionQuantizer, ${name}`,
  make: () => randomProjectionQuantizer({ ...base, ...options }),
  shape,
  moves: false,
});

holdsContract([
  row("one codebook"),
  row("three codebooks, no norm", { codebookDim: 2, numCodebooks: 3, norm: false }),
  row("mixed codebooks", {
    codebookDim: 3,
    numCodebooks: 2,
    mixesProjections: true,
    layernormAfterProjectIn: true,
  }),
  row("image of codebooks", { codebookDim: 3, numCodebooks: 2, layout: "image" }, [2, 6, 3, 4]),
]);

describe("randomProjectionQuantizer", () => {
  it("gives the code that is nearest in angle to the projected input, per codebook", async () => {
    const [H, C, K] = [2, 3, 8];
    const quantizer = randomProjectionQuantizer({ ...base, codebookDim: C, numCodebooks: H });
    const variables = quantizer.init(random.key(0));
    const projection = await numbers(variables.state.projection.ref);
    const books = await numbers(variables.state.codebook.ref);
    const indices = await quantizer.encode(variables, cloud());
    expect(indices.shape).toEqual([2, 5, H]);
    const found = await numbers(indices);
    const x = await numbers(cloud());
    for (let n = 0; n < 10; n++) {
      const row = x.slice(n * 6, n * 6 + 6);
      const mean = row.reduce((a, b) => a + b) / 6;
      const deviation = Math.sqrt(row.reduce((a, b) => a + (b - mean) ** 2, 0) / 6 + 1e-5);
      const unit = row.map((value) => (value - mean) / deviation);
      for (let h = 0; h < H; h++) {
        const at = (d: number, c: number) => projection[(h * 6 + d) * C + c] as number;
        const own = Array.from({ length: C }, (_, c) =>
          unit.reduce((sum, value, d) => sum + value * at(d, c), 0),
        );
        const score = (k: number) =>
          own.reduce((sum, value, c) => sum + value * (books[(h * K + k) * C + c] as number), 0);
        const best = Math.max(...Array.from({ length: K }, (_, k) => score(k)));
        expect(score(found[n * H + h] as number)).toBeCloseTo(best, 5);
      }
    }
  });

  it("takes the codebook size that was asked for, not that of all codebooks together", () => {
    const quantizer = randomProjectionQuantizer({ ...base, codebookDim: 4, numCodebooks: 16 });
    const { params, state } = quantizer.init(random.key(0));
    expect(state.codebook.shape).toEqual([16, 8, 4]);
    expect(params).toEqual({});
    tree.dispose(state as never);
  });

  it("scores targets by cross-entropy", async () => {
    const quantizer = randomProjectionQuantizer({ ...base, codebookDim: 3, numCodebooks: 2 });
    const variables = quantizer.init(random.key(0));
    const own = await quantizer.encode(tree.ref(variables), cloud());
    const other = np.where(own.ref.equal(0), 1, 0).astype(np.int32);
    const lossOf = async (targets: np.Array) => {
      const { loss, ...rest } = quantizer.apply(tree.ref(variables), cloud(), { targets });
      tree.dispose(rest as never);
      return (await numbers(loss))[0] as number;
    };
    expect(await lossOf(own)).toBeLessThan(await lossOf(other));
    tree.dispose(variables as never);
  });
});
