import { describe, expect, it } from "vitest";
import { decodeLevelsReference, encodeLevelsReference } from "./encodeLevels.reference.ts";
import { erf } from "./erf.ts";
import { fspCodec } from "./fspCodec.ts";
import { cdfs } from "./fspLevel.ts";
import { fsqCodec } from "./fsqCodec.ts";
import type { LevelCodec } from "./levelCodec.ts";

/** Index of every code's own vector: a raw value in the middle of each level. */
function middles(codec: LevelCodec): number[][] {
  let first = 0;
  return codec.levels.map((count) => {
    const cuts = codec.thresholds.subarray(first, first + count - 1);
    first += count - 1;
    return Array.from({ length: count }, (_, level) => {
      if (level === 0) return cuts[0]! - 1;
      if (level === count - 1) return cuts[count - 2]! + 1;
      return (cuts[level - 1]! + cuts[level]!) / 2;
    });
  });
}

describe("fsqCodec", () => {
  it("cuts at the inverse of the bound", () => {
    const { thresholds } = fsqCodec({ levels: [5] });
    const half = (4 * 1.001) / 2;
    [-1.5, -0.5, 0.5, 1.5].forEach((cut, j) => {
      expect(thresholds[j]).toBeCloseTo(Math.atanh(cut / half), 5);
    });
  });

  it("shifts even counts so that no level is lost", () => {
    const { thresholds, values } = fsqCodec({ levels: [4] });
    const half = (3 * 1.001) / 2;
    const shift = Math.atanh(0.5 / half);
    [-1, 0, 1].forEach((cut, j) => {
      expect(thresholds[j]).toBeCloseTo(Math.atanh(cut / half) - shift, 5);
    });
    expect([...values]).toEqual([-1, -0.5, 0, 0.5]);
  });

  it("spreads the levels evenly over [-1, 1] when symmetry is preserved", () => {
    const { values, thresholds } = fsqCodec({ levels: [2, 5], preserveSymmetry: true });
    expect([...values]).toEqual([-1, 1, -1, -0.5, 0, 0.5, 1]);
    expect(thresholds[0]).toBeCloseTo(0, 6);
  });

  it("refuses impossible levels", () => {
    expect(() => fsqCodec({ levels: [] })).toThrow(
      "fsqCodec: levels: expected at least one, got []",
    );
    expect(() => fsqCodec({ levels: [8, 1] })).toThrow(
      "fsqCodec: levels[1]: expected an integer of at least 2, got 1",
    );
    expect(() => fsqCodec({ levels: [8, 2] })).toThrow(
      "expected at least 3 each, got [8, 2]. Turn on",
    );
    expect(() => fsqCodec({ levels: new Array(22).fill(8) })).toThrow("at most 2^63");
  });
});

describe("fspCodec", () => {
  it("cuts at the quantiles of the distribution", () => {
    for (const cdf of cdfs) {
      const { thresholds } = fspCodec({ levels: [4], cdf });
      const { values } = fspCodec({ levels: [2], cdf, output: "inverse" });
      // The middles of two bins are the quartiles, which cut four bins.
      expect(thresholds[0]).toBeCloseTo(values[0]!, 5);
      expect(thresholds[1]).toBeCloseTo(0, 6);
      expect(thresholds[2]).toBeCloseTo(values[1]!, 5);
    }
  });

  it("decodes to unit variance", () => {
    const { values } = fspCodec({ levels: [64] });
    const mean = values.reduce((sum, v) => sum + v, 0) / 64;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 64;
    expect(mean).toBeCloseTo(0, 6);
    expect(variance).toBeCloseTo(1 - 1 / 64 ** 2, 5);
  });
});

describe("scalar levels", () => {
  it("finds every code again, past 2^24 and past 2^31", () => {
    for (const levels of [
      [8, 5, 3],
      new Array(9).fill(8),
      new Array(10).fill(8),
      new Array(15).fill(8),
    ]) {
      const codec = fsqCodec({ levels });
      const places = middles(codec);
      const rows = 500;
      const vectors = new Float32Array(rows * codec.dim);
      const wanted: bigint[] = [];
      let seed = 1;
      for (let n = 0; n < rows; n++) {
        let index = 0n;
        for (let d = 0; d < codec.dim; d++) {
          seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
          const level = Math.floor((seed / 2 ** 32) * levels[d]!);
          vectors[n * codec.dim + d] = places[d]![level]!;
          index += BigInt(level) * codec.basis[d]!;
        }
        wanted.push(index);
      }
      const { indices, invalidRows } = encodeLevelsReference(codec, vectors);
      expect(indices instanceof BigInt64Array).toBe(codec.wide);
      expect(Array.from(indices, BigInt)).toEqual(wanted);
      expect(invalidRows).toBe(0);
      const again = encodeLevelsReference(fsqCodec({ levels, bound: "clamp" }), vectors);
      expect(again.invalidRows).toBe(0);
      const decoded = decodeLevelsReference(codec, indices);
      for (let d = 0; d < codec.dim; d++) {
        const level = Number((wanted[0]! / codec.basis[d]!) % BigInt(levels[d]!));
        expect(decoded[d]).toBeCloseTo(
          (level - Math.floor(levels[d]! / 2)) / Math.floor(levels[d]! / 2),
          6,
        );
      }
    }
  });

  it("rounds at the threshold and not one float32 below", () => {
    const codec = fsqCodec({ levels: [7] });
    const at = codec.thresholds.slice();
    const bits = new Int32Array(codec.thresholds.slice().buffer);
    const below = new Float32Array(bits.map((b) => (b > 0 ? b - 1 : b + 1)).buffer);
    expect([...encodeLevelsReference(codec, at).indices]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...encodeLevelsReference(codec, below).indices]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("gives -1 and counts a vector with a NaN", () => {
    const codec = fsqCodec({ levels: [3, 3] });
    const { indices, invalidRows } = encodeLevelsReference(
      codec,
      Float32Array.of(9, 9, Number.NaN, 0),
    );
    expect([...indices]).toEqual([8, -1]);
    expect(invalidRows).toBe(1);
    expect([...decodeLevelsReference(codec, Int32Array.of(-1))]).toEqual([0, 0]);
  });
});

describe("erf", () => {
  it("agrees with tabulated values", () => {
    expect(erf(0)).toBe(0);
    expect(erf(0.5)).toBeCloseTo(0.5204998778130465, 14);
    expect(erf(-1)).toBeCloseTo(-0.8427007929497149, 14);
    expect(erf(2)).toBeCloseTo(0.9953222650189527, 14);
    expect(erf(5)).toBeCloseTo(1 - 1.5374597944280349e-12, 14);
    expect(erf(Number.POSITIVE_INFINITY)).toBe(1);
  });
});
