import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { leaves, numbers, rowsOf } from "../../../../../test/support/arrays.ts";
import type { DeadCodeThreshold } from "../../codebook/deadCodes.ts";
import { type VectorQuantizer, vectorQuantize } from "../vectorQuantize.ts";
import type { VectorQuantizeVariables } from "./books.ts";
import type { VectorQuantizeOptions } from "./options.ts";

const [D, K] = [4, 6];
const base = { dim: D, codebookSize: K };
const separate = { heads: 2, codebookDim: 2, separateCodebookPerHead: true };
const x = (seed: number, N = 8) => random.normal(random.key(seed), [N, D]);
const names = ["codebook", "clusterSize", "codeSums"] as const;

/** The state after a training step; the variables stay. */
function step(
  quantizer: VectorQuantizer,
  variables: VectorQuantizeVariables,
  input: np.Array,
  given: object = {},
) {
  const { state, ...rest } = quantizer.apply(tree.ref(variables), input, {
    training: true,
    ...given,
  });
  tree.dispose(rest as never);
  return { params: variables.params, state };
}

const expectClose = (ours: number[], theirs: number[]) => {
  expect(ours.length).toBe(theirs.length);
  ours.forEach((value, at) => {
    expect(value).toBeCloseTo(theirs[at] as number, 5);
  });
};

describe("accumulated averages", () => {
  it.each([
    ["one codebook", {}],
    ["cosine", { metric: "cosine" }],
    ["a codebook per head", separate],
  ] as [string, Partial<VectorQuantizeOptions>][])(
    "make a step of one big batch: %s",
    async (_, options) => {
      const quantizer = vectorQuantize({ ...base, ...options });
      const start = quantizer.init(random.key(0));
      const whole = step(quantizer, start, np.concatenate([x(1), x(2), x(3)], 0));
      const once = step(quantizer, start, x(1), { accumEmaUpdate: true });
      for (const name of names) {
        expect(await numbers(once.state[name]?.ref)).toEqual(await numbers(start.state[name]?.ref));
      }
      const twice = step(quantizer, once, x(2), { accumEmaUpdate: true });
      const last = step(quantizer, twice, x(3));
      expect(last.state.pending).toBeUndefined();
      for (const name of names) {
        expectClose(await numbers(last.state[name]), await numbers(whole.state[name]));
      }
      tree.dispose([start, once.state, twice.state] as never);
    },
  );

  it("work in update, apart from apply", async () => {
    const quantizer = vectorQuantize(base);
    const start = quantizer.init(random.key(0));
    const whole = step(quantizer, start, np.concatenate([x(1), x(2)], 0));
    const part = async (
      variables: VectorQuantizeVariables,
      seed: number,
      accumEmaUpdate: boolean,
    ) => {
      const indices = await quantizer.encode(tree.ref(variables), x(seed));
      const state = await quantizer.update(tree.ref(variables), x(seed), indices, {
        accumEmaUpdate,
      });
      return { params: variables.params, state };
    };
    const last = await part(await part(start, 1, true), 2, false);
    for (const name of names) {
      expectClose(await numbers(last.state[name]), await numbers(whole.state[name]));
    }
  });
});

describe("averages", () => {
  it("followed by hand give the codes of following in each step", async () => {
    const [manual, automatic] = [true, false].map((manualEmaUpdate) =>
      vectorQuantize({ ...base, manualEmaUpdate }),
    ) as [VectorQuantizer, VectorQuantizer];
    const start = manual.init(random.key(0));
    const waiting = step(manual, start, x(1));
    expect(await numbers(waiting.state.codebook?.ref)).toEqual(
      await numbers(start.state.codebook?.ref),
    );
    const state = manual.followAverages(waiting);
    const moved = step(automatic, start, x(1));
    for (const name of names) {
      expect(await numbers(state[name])).toEqual(await numbers(moved.state[name]));
    }
    tree.dispose(start as never);
  });

  it("move by the weight that a call gives each code", async () => {
    const quantizer = vectorQuantize(base);
    const start = quantizer.init(random.key(0));
    const rest = () => np.zeros([K]);
    const resting = step(quantizer, start, x(1), { emaUpdateWeight: rest() });
    const plain = step(quantizer, start, x(1), { emaUpdateWeight: np.ones([K]) });
    const usual = step(quantizer, start, x(1));
    expectClose(await numbers(resting.state.codeSums), await numbers(start.state.codeSums.ref));
    expectClose(await numbers(plain.state.codeSums), await numbers(usual.state.codeSums));
    expect(() => step(quantizer, start, x(1), { emaUpdateWeight: np.ones([K + 1]) })).toThrow(
      "shape of emaUpdateWeight: expected [6], got [7]",
    );
  });

  it("rest in a call that says so", async () => {
    const quantizer = vectorQuantize(base);
    const start = quantizer.init(random.key(0));
    const { state } = step(quantizer, start, x(1), { emaUpdate: false });
    expect(await leaves(state)).toEqual(await leaves(start.state));
  });
});

describe("expire", () => {
  it("replaces codes below the threshold by vectors of the batch, and those alone", async () => {
    const quantizer = vectorQuantize({ ...base, thresholdEmaDeadCode: 1.5, codebookDim: 2 });
    const { params, state } = quantizer.init(random.key(0));
    const clusterSize = np.array([1, 2, 1, 2, 2, 1]);
    state.clusterSize.dispose();
    const variables = { params, state: { ...state, clusterSize } };
    const after = await quantizer.expire(tree.ref(variables), x(1), { key: random.key(1) });
    expect(await numbers(after.clusterSize.ref)).toEqual([1.5, 2, 1.5, 2, 2, 1.5]);
    const before = rowsOf(await numbers(state.codebook?.ref), 2);
    const codes = rowsOf(await numbers(after.codebook?.ref), 2);
    const { weight, bias } = params.projectIn as NonNullable<typeof params.projectIn>;
    const projected = rowsOf(await numbers(np.matmul(x(1), weight.ref).add(bias.ref)), 2);
    for (const [k, code] of codes.entries()) {
      const near = (row: number[]) => row.every((v, d) => Math.abs(v - (code[d] as number)) < 1e-6);
      if ([0, 2, 5].includes(k)) expect(projected.some(near)).toBe(true);
      else expect(code).toEqual(before[k]);
    }
    tree.dispose([variables, after] as never);
  });

  it("draws real vectors alone", async () => {
    const quantizer = vectorQuantize({ ...base, thresholdEmaDeadCode: 2, layout: "channelFirst" });
    const input = np.moveaxis(x(1).reshape([2, 4, D]), 2, 1);
    const variables = quantizer.init(random.key(0));
    const mask = np.arange(8).equal(3).reshape([2, 4]);
    const { codebook, ...rest } = await quantizer.expire(variables, input, {
      key: random.key(1),
      mask,
    });
    const only = rowsOf(await numbers(x(1)), D)[3];
    expect(rowsOf(await numbers(codebook), D)).toEqual(new Array(K).fill(only));
    tree.dispose(rest as never);
  });
});

describe("the threshold of dead codes, in the first step", () => {
  /** How many codes a first step replaces: those whose count starts afresh at the threshold. */
  const replaced = async (thresholdEmaDeadCode: DeadCodeThreshold) => {
    const quantizer = vectorQuantize({
      dim: D,
      codebookSize: 64,
      decay: 0.99,
      thresholdEmaDeadCode,
    });
    const { state } = step(quantizer, quantizer.init(random.key(0)), x(1, 64), {
      key: random.key(1),
    });
    const before = step(
      vectorQuantize({ dim: D, codebookSize: 64, decay: 0.99 }),
      quantizer.init(random.key(0)),
      x(1, 64),
    );
    const [ours, plain] = [
      await numbers(state.clusterSize),
      await numbers(before.state.clusterSize),
    ];
    return ours.filter((count, k) => count !== plain[k]).length;
  };

  it("as a share keeps a fresh codebook, of which every code counts as used once", async () => {
    expect(await replaced({ share: 0.5 })).toBe(0);
    expect(await replaced(0.5)).toBe(0);
  });

  it("as a count above 1 replaces what the batch does not use often", async () => {
    expect(await replaced(2)).toBeGreaterThan(60);
  });
});

describe("withCodebook", () => {
  const codes = () => random.normal(random.key(9), [K, D]).mul(5);

  it.each([
    ["by averages", {}],
    ["learnable", { learnableCodebook: true }],
    ["affine", { affineParam: true }],
  ] as [string, Partial<VectorQuantizeOptions>][])(
    "sets codes that %s do not forget",
    async (_, options) => {
      const quantizer = vectorQuantize({ ...base, ...options });
      const set = quantizer.withCodebook(quantizer.init(random.key(0)), codes());
      expectClose(await numbers(quantizer.codebook(tree.ref(set))), await numbers(codes()));
      expect(await numbers(set.state.clusterSize.ref)).toEqual(new Array(K).fill(1));
      // A step of vectors that are the codes themselves leaves them where they are.
      const moved = step(quantizer, set, codes());
      const after = await numbers(quantizer.codebook(moved));
      const given = await numbers(codes());
      after.forEach((value, at) => {
        expect(value).toBeCloseTo(given[at] as number, 2);
      });
    },
  );

  it("takes a codebook per head, and no other shape", async () => {
    const quantizer = vectorQuantize({ ...base, ...separate });
    const variables = quantizer.init(random.key(0));
    const next = () => random.normal(random.key(9), [2, K, 2]);
    const set = quantizer.withCodebook(tree.ref(variables), next());
    expect(await numbers(quantizer.codebook(set))).toEqual(await numbers(next()));
    expect(() => quantizer.withCodebook(variables, codes())).toThrow(
      "shape of codes: expected [2,6,2], got [6, 4]",
    );
  });
});
