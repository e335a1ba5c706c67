import { describe, expect, it } from "vitest";
import { assignStatsReference, orderByCodeReference } from "./codes/assignStats.reference.ts";
import { decodeSumReference, gatherReference } from "./codes/gather.reference.ts";
import { decodeSignsReference, encodeSignsReference } from "./levels/signs.reference.ts";
import { residualNearestReference } from "./residual/residualNearest.reference.ts";

describe("assignStatsReference", () => {
  it("counts and sums the vectors of each code and skips -1", () => {
    const vectors = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const { counts, sums } = assignStatsReference(vectors, Int32Array.of(2, 0, -1, 2), 2, 3);
    expect([...counts]).toEqual([1, 0, 2]);
    expect([...sums]).toEqual([3, 4, 0, 0, 8, 10]);
  });

  it("orders rows by code, rising within a code", () => {
    const { order, starts } = orderByCodeReference(Int32Array.of(1, 0, 1, -1, 2, 0), 4);
    expect([...order]).toEqual([1, 5, 0, 2, 4]);
    expect([...starts]).toEqual([0, 2, 4, 5, 5]);
  });

  it("keeps the precision of blocks in a long sum", () => {
    const rows = 1 << 20;
    const { sums } = assignStatsReference(
      new Float32Array(rows).fill(0.1),
      new Int32Array(rows),
      1,
      1,
    );
    // One running float32 sum is off by 1 %.
    expect(Math.abs(sums[0]! / (rows * Math.fround(0.1)) - 1)).toBeLessThan(1e-4);
  });
});

describe("gatherReference and decodeSumReference", () => {
  it("take rows, zeros for -1", () => {
    const codebook = Float32Array.of(1, 2, 3, 4);
    expect([...gatherReference(codebook, Int32Array.of(1, -1, 0), 2)]).toEqual([3, 4, 0, 0, 1, 2]);
  });

  it("add the layers", () => {
    const layers = [Float32Array.of(1, 2), Float32Array.of(10, 20)];
    expect([...decodeSumReference(layers, Int32Array.of(0, 1, 1, -1), 1)]).toEqual([21, 2]);
  });
});

describe("signs", () => {
  it("puts the first dimension into the most significant bit and 0 below", () => {
    const vectors = Float32Array.of(1, -1, 2, 0, -1, 1);
    const { indices } = encodeSignsReference(vectors, 3);
    expect([...indices]).toEqual([0b101, 0b001]);
    expect([...decodeSignsReference(indices, 3, 0.5)]).toEqual([0.5, -0.5, 0.5, -0.5, -0.5, 0.5]);
  });

  it("is exact at 63 bits and counts NaN", () => {
    const vectors = new Float32Array(126).fill(1);
    vectors[63 + 62] = Number.NaN;
    const { indices, invalidRows } = encodeSignsReference(vectors, 63);
    expect([...indices]).toEqual([2n ** 63n - 1n, -1n]);
    expect(invalidRows).toBe(1);
    expect(decodeSignsReference(indices, 63, 1).slice(0, 63)).toEqual(new Float32Array(63).fill(1));
  });
});

describe("residualNearestReference", () => {
  const weights = [1, 1];

  it("takes the nearest code of each layer in turn", () => {
    const layers = [Float32Array.of(0, 4, 8), Float32Array.of(-1, 0, 1)];
    const indices = residualNearestReference(Float32Array.of(7, 4, 1), layers, 1, 1, {
      weights,
      carry: 0,
    });
    expect([...indices]).toEqual([2, 0, 1, 1, 0, 2]);
  });

  it("finds with a beam what the greedy search misses", () => {
    // 6 is nearer to 4 than to 9, yet 9 - 3 hits it.
    const layers = [Float32Array.of(4, 9), Float32Array.of(-3, 0)];
    const search = (beam: number) =>
      residualNearestReference(Float32Array.of(6), layers, 1, beam, { weights, carry: 0 });
    expect([...search(1)]).toEqual([0, 1]);
    expect([...search(2)]).toEqual([1, 0]);
  });

  it("ranks by the sum of the weighted errors when they are carried", () => {
    const layers = [Float32Array.of(4, 9), Float32Array.of(-3, 0)];
    const indices = residualNearestReference(Float32Array.of(6), layers, 1, 2, {
      weights,
      carry: 1,
    });
    expect([...indices]).toEqual([0, 1]); // 4 + 4 against 9 + 0
  });
});
