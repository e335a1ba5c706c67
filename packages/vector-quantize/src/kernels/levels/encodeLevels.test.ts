import { afterAll, describe, expect, it } from "vitest";
import { integers, sameNumbers, testPools } from "../../../../../test/support/kernelPools.ts";
import { decodeLevelsReference, encodeLevelsReference } from "./encodeLevels.reference.ts";
import { decodeLevels, encodeLevels } from "./encodeLevels.ts";
import { fspCodec } from "./fspCodec.ts";
import { fsqCodec } from "./fsqCodec.ts";
import { decodeSignsReference, encodeSignsReference } from "./signs.reference.ts";
import { decodeSigns, encodeSigns } from "./signs.ts";

const pools = testPools();
afterAll(() => {
  for (const { pool } of pools) pool.dispose();
});

/** Values around the thresholds of bounded quantizers, with a NaN here and there. */
const values = (length: number, seed: number, nan = true) => {
  const next = integers(seed, -3e6, 3e6);
  return Float32Array.from({ length }, (_, i) =>
    nan && i % 101 === 50 ? Number.NaN : next() / 1e6,
  );
};

describe.each(pools)("scalar encoders ($name)", ({ pool }) => {
  it("encodeLevels and decodeLevels equal the reference, across every tail", async () => {
    const lists = [[3], [5, 4], [8, 5, 5], [8, 8, 8, 5, 5, 5], new Array(11).fill(8), [100, 3, 7]];
    for (const levels of lists) {
      for (const codec of [fsqCodec({ levels }), fspCodec({ levels, cdf: "laplace" })]) {
        for (const rows of [0, 1, 2, 3, 4, 5, 9, 64]) {
          const vectors = values(rows * codec.dim, rows);
          const got = await encodeLevels(codec, vectors, { invalid: "mark", pool });
          expect(got).toEqual(encodeLevelsReference(codec, vectors));
          const decoded = await decodeLevels(codec, got.indices, { pool });
          expect(decoded).toEqual(decodeLevelsReference(codec, got.indices));
        }
      }
    }
  });

  it("encodeLevels equals it in a job that all threads share", async () => {
    const codec = fsqCodec({ levels: [8, 8, 8, 5, 5, 5] });
    const vectors = values(60_001 * 6, 3);
    const got = await encodeLevels(codec, vectors, { invalid: "mark", pool });
    const wanted = encodeLevelsReference(codec, vectors);
    expect(got.invalidRows).toBe(wanted.invalidRows);
    expect(sameNumbers(got.indices, wanted.indices)).toBe(true);
    const decoded = await decodeLevels(codec, got.indices, { pool });
    expect(sameNumbers(decoded, decodeLevelsReference(codec, got.indices))).toBe(true);
  });

  it("decodeLevels refuses an index past the last code", async () => {
    const codec = fsqCodec({ levels: [3, 3] });
    await expect(decodeLevels(codec, Int32Array.of(0, 9), { pool })).rejects.toThrow(
      "decodeLevels: indices[1]: expected -1 or 0 ... 8, got 9",
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "names the vector that holds %d",
    async (value) => {
      const vectors = Float32Array.of(1, 2, 3, 3.4e38, value, 1);
      await expect(encodeLevels(fsqCodec({ levels: [3, 3] }), vectors, { pool })).rejects.toThrow(
        `encodeLevels: vectors, row 2: expected finite numbers, got ${value}`,
      );
      const many = fsqCodec({ levels: [300, 3] });
      await expect(encodeLevels(many, vectors, { pool })).rejects.toThrow(
        `encodeLevels: vectors, row 2: expected finite numbers, got ${value}`,
      );
      await expect(encodeSigns(vectors, { dim: 3, pool })).rejects.toThrow(
        `encodeSigns: vectors, row 1: expected finite numbers, got ${value}`,
      );
    },
  );

  it("encodeSigns and decodeSigns equal the reference, across every tail", async () => {
    for (const dim of [1, 2, 3, 4, 5, 8, 13, 16, 30, 31, 32, 33, 62, 63]) {
      for (const rows of [0, 1, 3, 40]) {
        const vectors = values(rows * dim, dim + rows);
        vectors.forEach((_, i) => {
          if (i % 7 === 3) vectors[i] = 0; // no positive value: its bit is 0
        });
        const got = await encodeSigns(vectors, { dim, invalid: "mark", pool });
        expect(got).toEqual(encodeSignsReference(vectors, dim));
        expect(await decodeSigns(got.indices, { dim, scale: 0.5, pool })).toEqual(
          decodeSignsReference(got.indices, dim, 0.5),
        );
      }
    }
  });

  it("decodeSigns refuses what encodeSigns can't give", async () => {
    await expect(decodeSigns(Int32Array.of(8), { dim: 3, pool })).rejects.toThrow(
      "decodeSigns: indices[0]: expected -1 or 0 ... 7, got 8",
    );
    await expect(decodeSigns(Int32Array.of(8), { dim: 40, pool })).rejects.toThrow(
      "decodeSigns: indices: expected a BigInt64Array, got Int32Array",
    );
    await expect(encodeSigns(new Float32Array(64), { dim: 64, pool })).rejects.toThrow(
      "encodeSigns: dim: expected at most 63, got 64",
    );
  });
});
