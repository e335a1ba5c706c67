import { describe, expect, it } from "vitest";
import { integers } from "../../../../../test/support/kernelPools.ts";
import { drawByMass, massesOf, SumTree } from "./draws.ts";
import { uniformFrom } from "./uniform.ts";

describe("SumTree", () => {
  it("finds the block of every position, for any number of blocks", () => {
    for (let blocks = 1; blocks < 20; blocks++) {
      const sums = Float64Array.from({ length: blocks }, integers(blocks, 0, 3));
      sums[blocks - 1] = 0; // never drawn
      sums[Math.floor(blocks / 2)] = 2;
      const tree = new SumTree(sums);
      const found = Array.from({ length: tree.total }, (_, position) => tree.find(position));
      const wanted = [...sums].flatMap((sum, block) =>
        Array.from({ length: sum }, (_, rest) => ({ block, rest })),
      );
      expect(found).toEqual(wanted);
      expect(sums[tree.find(tree.total).block]).toBeGreaterThan(0); // where rounding went too far
    }
  });

  it("follows a sum that changes", () => {
    const tree = new SumTree(Float64Array.of(1, 2, 3));
    tree.set(1, 0);
    expect(tree.total).toBe(4);
    expect(tree.find(1)).toEqual({ block: 2, rest: 0 });
  });
});

describe("drawByMass", () => {
  const weights = Float32Array.from({ length: 700 }, integers(1, 0, 4));
  const draw = (count: number, seed: number) => {
    const distances = new Float32Array(weights.length).fill(1);
    const masses = massesOf(
      () => distances,
      () => weights,
    );
    return drawByMass(masses, uniformFrom(seed), count);
  };

  it("draws different rows, and none without mass", async () => {
    const heavy = [...weights.keys()].filter((row) => weights[row]! > 0);
    const all = await draw(700, 3); // more than there are
    expect([...all].sort((a, b) => a - b)).toEqual(heavy);
  });

  it("draws each row as often as its mass tells", async () => {
    const hits = new Float64Array(5);
    for (let seed = 0; seed < 4000; seed++) hits[weights[(await draw(1, seed))[0]!]!]!++;
    const total = weights.reduce((a, b) => a + b, 0);
    for (let weight = 1; weight <= 4; weight++) {
      const rows = weights.filter((each) => each === weight).length;
      expect(Math.abs(hits[weight]! / 4000 - (rows * weight) / total)).toBeLessThan(0.03);
    }
  });
});
