import { afterAll, describe, expect, test } from "vitest";
import { integers } from "../../../../../test/support/kernelPools.ts";
import { createPool } from "../engine/createPool.ts";
import { kacRotation, rotated } from "./kacRotation.ts";
import { rabitq } from "./rabitq.ts";
import { meanVector } from "./vectors.ts";

const pool = createPool({ threads: 1 });
afterAll(() => pool.dispose());

const drawn = (length: number, seed: number) =>
  Float32Array.from({ length }, integers(seed, -1000, 1000)).map((value) => value / 500);

describe("the random rotation", () => {
  test.for([1, 16, 17, 48, 100, 384, 768])("of %i numbers keeps products", (dim) => {
    const rotation = kacRotation(dim, 5);
    const [a, b] = [drawn(dim, 1), drawn(dim, 2)];
    const product = (x: Float32Array, y: Float32Array) =>
      x.reduce((sum, value, i) => sum + value * y[i]!, 0);
    const turned = product(rotated(a, rotation), rotated(b, rotation));
    expect(turned).toBeCloseTo(product(a, b), 2);
  });

  test.for([16, 48, 384])("of %i numbers spreads one of them over all", (dim) => {
    // Each of the first places, over many seeds: about 1 / dim of its square in each.
    const sums = new Float64Array(dim);
    for (let seed = 0; seed < 400; seed++) {
      const x = new Float32Array(dim);
      x[seed % dim] = 1;
      rotated(x, kacRotation(dim, seed)).forEach((value, i) => {
        sums[i]! += value * value;
      });
    }
    for (const sum of sums) {
      expect((sum / 400) * dim).toBeGreaterThan(0.5);
      expect((sum / 400) * dim).toBeLessThan(2);
    }
  });
});

describe("the estimate", () => {
  const rows = 40;
  for (const metric of ["euclidean", "dot", "cosine"] as const) {
    for (const bits of [1, 2, 4]) {
      test(`of ${metric} distances by ${bits} bits is unbiased and within its bounds`, async () => {
        const dim = 96;
        const vectors = drawn(rows * dim, 1).map((value) => value + 1);
        const query = drawn(dim, 2).map((value) => value + 1);
        const center = meanVector(vectors, dim, metric);
        const truth = Array.from({ length: rows }, (_, n) =>
          distanceOf(vectors.subarray(n * dim, (n + 1) * dim), query, metric),
        );
        const seeds = 60;
        const errors = new Float64Array(rows);
        let outside = 0;
        let size = 0;
        for (let seed = 0; seed < seeds; seed++) {
          const coder = rabitq({ dim, bits, metric, center, seed, pool });
          const { distances, bounds } = coder.estimate(await coder.encode(vectors), query);
          for (let n = 0; n < rows; n++) {
            const error = distances[n]! - truth[n]!;
            errors[n]! += error / seeds;
            size += Math.abs(error) / (rows * seeds);
            if (Math.abs(error) > bounds[n]!) outside++;
          }
        }
        expect(outside).toBeLessThanOrEqual(1); // of 2,400
        // The mean over seeds is some eight times as small as one error.
        const bias = errors.reduce((sum, error) => sum + Math.abs(error), 0) / rows;
        expect(bias).toBeLessThan(0.25 * size);
        const mean = errors.reduce((sum, error) => sum + error, 0) / rows;
        expect(Math.abs(mean)).toBeLessThan(0.12 * size);
      });
    }
  }

  test("is the better the more bits there are", async () => {
    const dim = 64;
    const vectors = drawn(200 * dim, 3);
    const query = drawn(dim, 4);
    const errors: number[] = [];
    for (const bits of [1, 2, 3, 4, 6, 8]) {
      const coder = rabitq({ dim, bits, pool });
      expect(coder.bytes).toBe(8 * bits + (bits === 1 ? 8 : 16));
      const { distances } = coder.estimate(await coder.encode(vectors), query);
      const sum = distances.reduce((all, distance, n) => {
        const own = vectors.subarray(n * dim, (n + 1) * dim);
        return all + Math.abs(distance - distanceOf(own, query, "euclidean"));
      }, 0);
      errors.push(sum / 200);
    }
    for (let i = 1; i < errors.length; i++) expect(errors[i]!).toBeLessThan(0.75 * errors[i - 1]!);
  });
});

function distanceOf(x: Float32Array, y: Float32Array, metric: "euclidean" | "dot" | "cosine") {
  let [squares, product, a, b] = [0, 0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    squares += (x[i]! - y[i]!) ** 2;
    product += x[i]! * y[i]!;
    a += x[i]! ** 2;
    b += y[i]! ** 2;
  }
  if (metric === "euclidean") return squares;
  return metric === "dot" ? -product : 1 - product / Math.sqrt(a * b);
}
