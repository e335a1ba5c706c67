import { jit, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkLevels,
  joinLevels,
  joinWords,
  mixedRadix,
  splitIndex,
  splitWords,
} from "./mixedRadix.ts";

const numbers = async (x: np.Array) => [...(await x.data())] as number[];
const radixOf = (levels: number[], fastest: "first" | "last" = "first") =>
  mixedRadix(levels, fastest);
const times = <T>(count: number, value: T) => Array.from({ length: count }, () => value);

/** Random words of a radix, evenly over each word's size; the first and the last index are there. */
function randomWords(sizes: readonly number[], count: number): Int32Array {
  let seed = 12345;
  const next = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const words = Int32Array.from({ length: count * sizes.length }, (_, at) =>
    Math.floor(next() * (sizes[at % sizes.length] as number)),
  );
  words.set(sizes.map(() => 0));
  words.set(
    sizes.map((size) => size - 1),
    sizes.length,
  );
  return words;
}

describe("words", () => {
  it("are one while the codes fit int32, and then as few as hold them", () => {
    expect(radixOf([8, 5, 5]).sizes).toEqual([200]);
    expect(radixOf(times(31, 2)).sizes).toEqual([2 ** 31]);
    expect(radixOf(times(32, 2)).sizes).toEqual([2 ** 31, 2]);
    expect(radixOf(times(11, 8)).sizes).toEqual([2 ** 30, 8]);
    expect(radixOf(times(70, 2)).sizes).toEqual([2 ** 31, 2 ** 31, 2 ** 8]);
  });

  it("put the fastest dimension into the last digit", async () => {
    const levels = () => np.array(new Int32Array([1, 2, 3]), { shape: [1, 3] });
    expect(await numbers(joinLevels(radixOf([4, 5, 6]), levels()))).toEqual([1 + 2 * 4 + 3 * 20]);
    expect(await numbers(joinLevels(radixOf([4, 5, 6], "last"), levels()))).toEqual([
      3 + 2 * 6 + 30,
    ]);
  });
});

describe("round trips", () => {
  const roundTrip = async (levels: number[], fastest: "first" | "last", words: Int32Array) => {
    const radix = radixOf(levels, fastest);
    const again = jit((indices: np.Array) => joinLevels(radix, splitWords(radix, indices)));
    const given = np.array(words, {
      shape: [words.length / radix.sizes.length, radix.sizes.length],
    });
    const found = (await again(given).data()) as Int32Array;
    let wrong = 0;
    for (let at = 0; at < words.length; at++) if (found[at] !== words[at]) wrong++;
    expect(wrong).toBe(0);
    again.dispose();
  };

  it.each([[times(20, 2)], [[8, 8, 8, 8, 8, 8, 4]], [[1024, 1024]]])(
    "are exact for every index of %j",
    async (levels) => {
      const every = Int32Array.from({ length: 2 ** 20 }, (_, index) => index);
      await roundTrip(levels, "first", every);
      await roundTrip(levels, "last", every);
    },
  );

  it.each([
    ["8^9", times(9, 8)],
    ["8^10", times(10, 8)],
    ["2^30", times(30, 2)],
    ["2^31", times(31, 2)],
    ["8^11, in two words", times(11, 8)],
    ["7^25, in three words", times(25, 7)],
  ])("are exact for 100,000 indices of %s", async (_, levels) => {
    for (const fastest of ["first", "last"] as const) {
      await roundTrip(levels, fastest, randomWords(radixOf(levels, fastest).sizes, 1e5));
    }
  });
});

describe("an index past int32", () => {
  it("is its words as one integer, and back", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 2 ** 20 }), { minLength: 1, maxLength: 8 }),
        fc.bigInt({ min: 0n, max: 2n ** 160n }),
        (levels, drawn) => {
          const { sizes } = radixOf(levels);
          const codes = levels.reduce((product, level) => product * BigInt(level), 1n);
          const index = drawn % codes;
          expect(joinWords(splitIndex(index, sizes), sizes)).toBe(index);
        },
      ),
    );
  });

  it("that the codebook does not have is an error", () => {
    const sizes = [2 ** 30, 8];
    expect(() => splitIndex(2n ** 33n, sizes)).toThrow("from 0 to 8589934591, got 8589934592");
    expect(() => splitIndex(-1n, sizes)).toThrow("got -1");
    expect(() => joinWords([-1, -1], sizes)).toThrow("word 1: expected an integer from 0 to 7");
    expect(() => joinWords([1], sizes)).toThrow("number of words: expected 2, got 1");
    expect(() => splitIndex(7 as never, sizes)).toThrow(
      "index: expected a bigint such as 7n, got 7",
    );
    expect(() => splitIndex(7n, [0])).toThrow("sizes: expected an integer of at least 1, got 0");
    expect(() => splitIndex(7n, 8 as never)).toThrow("expected the codebookSizes of a quantizer");
    expect(() => joinWords([1], null as never)).toThrow("got null");
    expect(() => joinWords(null as never, sizes)).toThrow("words: expected a list of integers");
  });
});

it("refuses levels that cannot be", () => {
  const check = (levels: unknown) => () => checkLevels("levels", levels);
  expect(check([])).toThrow("levels: expected a list of at least one number of levels");
  expect(check([3, 1])).toThrow("levels: expected an integer of at least 2, got 1");
  expect(check([2 ** 23])).toThrow("at most 4194304 levels each");
  expect(check(times(4097, 2))).toThrow("levels: length: expected at most 4096, got 4097");
});

it("splits words beside a gradient", async () => {
  const radix = mixedRadix([8, 5, 3], "first");
  const run = (x: np.Array, indices: np.Array): [np.Array, np.Array] => [
    np.sum(x),
    splitWords(radix, indices),
  ];
  const indices = np.array(new Int32Array([119, 8, 43]), { shape: [3, 1] });
  const [[sum, levels], gradient] = jit(valueAndGrad(run, { hasAux: true }))(np.ones([2]), indices);
  expect([...(await levels.data())]).toEqual([7, 4, 2, 0, 1, 0, 3, 0, 1]);
  tree.dispose([sum, gradient]);
});
