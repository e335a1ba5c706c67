import { describe, expect, it } from "vitest";
import { entropiesOverCodes, slopeOverCodes } from "../../../../../test/support/codeEntropies.ts";
import { integers, testPools } from "../../../../../test/support/kernelPools.ts";
import { createPool } from "../engine/createPool.ts";
import { binaryCodeEntropy } from "./binaryCodeEntropy.ts";

const pools = testPools();

/** Rows of `stride` logits, to hundredths. */
function rowsOf(count: number, stride: number, size: number): number[][] {
  const draw = integers(count + stride, -100 * size, 100 * size);
  return Array.from({ length: count }, () =>
    Array.from({ length: stride }, () => Math.fround(draw() / 100)),
  );
}

const flat = (rows: readonly number[][]) => Float32Array.from(rows.flat());
const even = (count: number) => new Float32Array(count).fill(1 / count);

describe.each(pools)("$name", ({ pool }) => {
  it.each([
    [1, 5, 1, 1e-5],
    [2, 4, 3, 1e-3],
    [3, 1, 1, 0],
    [6, 9, 2, 1e-5],
    [7, 6, 1, 1e-3],
    [9, 7, 4, 1e-5],
    [10, 33, 2, 1e-5],
    [11, 3, 40, 1e-5],
    [12, 2, 1, 0],
  ])("%d bits of %d vectors, logits to %d, floor %d", async (bits, count, size, floor) => {
    const rows = rowsOf(count, bits, size);
    const exact = entropiesOverCodes(rows, even(count), floor);
    const options = { stride: bits, bits: [0, bits], shares: even(count), floor, pool } as const;
    const found = await binaryCodeEntropy(flat(rows), options);
    for (const which of ["perSample", "batch"] as const) {
      const gap = Math.abs(found[which] - exact[which]);
      expect(gap, which).toBeLessThan(1e-6 * Math.max(1, exact[which]));
      const gradient = found[which === "batch" ? "byBatch" : "byPerSample"];
      for (let at = 0; at < Math.min(count, 3) * bits; at++) {
        const place = [Math.floor(at / bits), at % bits] as const;
        const slope = slopeOverCodes(which, place, rows, even(count), floor);
        // A code that crosses the floor within the difference adds up to its probability.
        const margin = 1e-5 + floor * 4;
        expect(Math.abs(gradient[at]! - slope), `${which} ${at}`).toBeLessThan(margin);
      }
    }
  });

  it("takes some of the logits as bits, and vectors by their share", async () => {
    const rows = rowsOf(6, 8, 2);
    const shares = Float32Array.of(0.5, 0, 0.125, 0.125, 0.25, 0);
    const bits = [2, 7] as const;
    const found = await binaryCodeEntropy(flat(rows), {
      stride: 8,
      bits,
      shares,
      floor: 1e-5,
      pool,
    });
    const own = rows.map((row) => row.slice(...bits));
    const exact = entropiesOverCodes(own, shares, 1e-5);
    expect(found.perSample).toBeCloseTo(exact.perSample, 6);
    expect(found.batch).toBeCloseTo(exact.batch, 6);
    for (const gradient of [found.byPerSample, found.byBatch]) {
      for (const [at, value] of gradient.entries()) {
        const counts = shares[Math.floor(at / 8)]! > 0 && at % 8 >= 2 && at % 8 < 7;
        expect(value !== 0, String(at)).toBe(counts);
      }
    }
  });

  it("is 0 where no vector counts, and NaN where one is", async () => {
    const rows = rowsOf(3, 5, 1);
    const options = { stride: 5, bits: [0, 5], floor: 1e-5, pool } as const;
    const none = await binaryCodeEntropy(flat(rows), { ...options, shares: new Float32Array(3) });
    expect([none.perSample, none.batch]).toEqual([0, 0]);
    rows[1]![3] = Number.NaN;
    const bad = await binaryCodeEntropy(flat(rows), { ...options, shares: even(3) });
    expect([bad.perSample, bad.batch]).toEqual([Number.NaN, Number.NaN]);
  });

  it("is sure of infinite logits", async () => {
    const rows = [[Number.POSITIVE_INFINITY, 0, Number.NEGATIVE_INFINITY, 1e30]];
    const options = { stride: 4, bits: [0, 4], shares: even(1), floor: 0, pool } as const;
    const found = await binaryCodeEntropy(flat(rows), options);
    expect(found.perSample).toBeCloseTo(Math.LN2, 6);
    expect(found.batch).toBeCloseTo(Math.LN2, 6);
    expect([...found.byPerSample].every((value) => Math.abs(value) < 1e-7)).toBe(true);
  });
});

it("of 2^18 codes and 16384 vectors takes under 16 MB", async () => {
  const pool = createPool({ threads: 4 });
  const logits = flat(rowsOf(16384, 18, 1));
  const options = { stride: 18, bits: [0, 18], shares: even(16384), floor: 1e-5, pool } as const;
  const { perSample, batch } = await binaryCodeEntropy(logits, options);
  expect(perSample).toBeLessThan(batch);
  expect(batch).toBeLessThanOrEqual(18 * Math.LN2);
  expect(pool.memory.memory.buffer.byteLength).toBeLessThan(16 * 2 ** 20); // it never shrinks
  pool.dispose();
});
