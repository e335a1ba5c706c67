import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { binaryMapper } from "./binaryMapper.ts";

const numbers = async (x: np.Array) => [...(await x.data())] as number[];
const empty = () => ({ params: {}, state: {} });
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

describe("draws", () => {
  const logits = [-1.5, 0, 0.7];
  const shares = async (call: object) => {
    const mapper = binaryMapper({ bits: 3 });
    const N = 20_000;
    const x = np.broadcastTo(np.array(logits).reshape([1, 3]), [N, 3]);
    const { indices, quantized, ...rest } = mapper.apply(empty(), x, {
      key: random.key(4),
      ...call,
    });
    tree.dispose([rest, quantized]);
    const found = await numbers(indices);
    return logits.map((_, d) => found.filter((index) => (index >> d) & 1).length / N);
  };

  it.each([
    [{ training: true }, 1],
    [{ training: true, temperature: 3 }, 3],
    [{ training: false, temperature: 0.5 }, 0.5],
  ])("every bit with its probability: %j", async (call, temperature) => {
    for (const [d, share] of (await shares(call)).entries()) {
      expect(share).toBeCloseTo(sigmoid((logits[d] as number) / temperature), 1.7);
    }
  });

  it("the likelier values at temperature 0 and, in evaluation, without a key", async () => {
    expect(await shares({ training: true, temperature: 0 })).toEqual([0, 0, 1]);
    const mapper = binaryMapper({ bits: 3 });
    const x = np.array(logits).reshape([1, 3]);
    expect(await numbers(await mapper.encode(empty(), x))).toEqual([4]);
  });

  it("nothing in evaluation if told so, key or not", async () => {
    const mapper = binaryMapper({ bits: 2, deterministicOnEval: true });
    const { indices } = mapper.apply(empty(), np.full([500, 2], 0.1), { key: random.key(0) });
    expect(new Set(await numbers(indices))).toEqual(new Set([3]));
  });

  it("with a key in training", () => {
    const mapper = binaryMapper({ bits: 2 });
    expect(() => mapper.apply(empty(), np.zeros([1, 2]), { training: true })).toThrow(
      "binaryMapper.apply: expected options.key, got none; training draws at random",
    );
  });
});

it("has a loss of real vectors only, whatever stands in the padding", async () => {
  const mapper = binaryMapper({ bits: 2, klLossThreshold: 0.1 });
  const x = np.array([3, -3, Number.NaN, 1, 0, 0, 9, 9]).reshape([1, 4, 2]);
  const mask = np.array([1, 0, 1, 0]).reshape([1, 4]).greater(0);
  const { loss, quantized } = mapper.apply(empty(), x, {
    training: true,
    key: random.key(0),
    mask,
  });
  const p = sigmoid(3);
  const entropy = -2 * (p * Math.log(p) + (1 - p) * Math.log(1 - p));
  expect((await numbers(loss))[0]).toBeCloseTo((2 * Math.LN2 - entropy - 0.1) / 2, 5);
  const output = await numbers(quantized);
  expect(output.slice(4, 8)).toEqual([0, 0, 0, 0]);
  expect(output.every(Number.isFinite)).toBe(true);
});

describe("errors", () => {
  it.each([
    [{ bits: 0 }, "binaryMapper: bits: expected an integer of at least 1, got 0"],
    [{ bits: 30 }, "binaryMapper: bits: expected at most 24, got 30"],
    [{ klLossThreshold: -1 }, "klLossThreshold: expected a finite number of at least 0, got -1"],
    [{ deterministic: true }, 'option "deterministic": expected one of bits,'],
  ])("name the option: %j", (options, message) => {
    expect(() => binaryMapper(options as never)).toThrow(message);
  });

  it("say what logits should look like", () => {
    const mapper = binaryMapper({ bits: 3 });
    const indices = np.zeros([2], { dtype: np.int32 });
    expect(() => mapper.logProbability(np.zeros([2, 4]), indices)).toThrow(
      "binaryMapper.logProbability: shape of logits: expected [..., 3], got [2, 4]",
    );
  });
});
