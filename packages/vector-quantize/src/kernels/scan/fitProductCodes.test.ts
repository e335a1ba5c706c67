import { afterAll, describe, expect, test } from "vitest";
import { withoutKernels } from "../../../../../test/support/kernelPools.ts";
import { normalNumbers as normal } from "../../../../../test/support/numbers.ts";
import { uniformFrom } from "../clustering/uniform.ts";
import { createPool } from "../engine/createPool.ts";
import { createCodeSearch } from "./createCodeSearch.ts";
import { fitProductCodes } from "./fitProductCodes.ts";
import { learnRotation } from "./learnRotation.ts";
import { principalAxes } from "./principalAxes.ts";
import { rotateVectors } from "./rotateVectors.ts";

const pool = createPool({ threads: 1 });
afterAll(() => pool.dispose());

/** How far `R' R` is from the identity, in its largest entry. */
function crookedness(rotation: ArrayLike<number>, dim: number): number {
  let most = 0;
  for (let i = 0; i < dim; i++) {
    for (let j = 0; j < dim; j++) {
      let sum = i === j ? -1 : 0;
      for (let k = 0; k < dim; k++) sum += rotation[k * dim + i]! * rotation[k * dim + j]!;
      most = Math.max(most, Math.abs(sum));
    }
  }
  return most;
}

/** Vectors that lie along few directions, which no part has for itself. */
function slanted(rows: number, dim: number): Float32Array {
  const mix = normal(dim * dim, 7);
  const plain = normal(rows * dim, 8).map((value, i) => value * 0.75 ** (i % dim));
  const vectors = new Float32Array(rows * dim);
  for (let n = 0; n < rows; n++) {
    for (let to = 0; to < dim; to++) {
      let sum = 0;
      for (let i = 0; i < dim; i++) sum += plain[n * dim + i]! * mix[i * dim + to]!;
      vectors[n * dim + to] = sum;
    }
  }
  return vectors;
}

/** Patches of 8 x 8 with a soft edge each, as pictures have them. */
function edges(rows: number): Float32Array {
  const next = uniformFrom(5);
  const noise = normal(rows * 64, 6);
  const patches = new Float32Array(rows * 64);
  for (let n = 0; n < rows; n++) {
    const [level, turn, height] = [next(), 2 * Math.PI * next(), 0.6 * next() - 0.3];
    const [x, y, soft] = [8 * next(), 8 * next(), 0.5 + 2 * next()];
    for (let i = 0; i < 64; i++) {
      const across = ((i % 8) - x) * Math.cos(turn) + (Math.floor(i / 8) - y) * Math.sin(turn);
      patches[n * 64 + i] = level + height * Math.tanh(across / soft) + 0.02 * noise[n * 64 + i]!;
    }
  }
  return patches;
}

describe("principalAxes", () => {
  test.for([1, 2, 3, 7, 20])("of %i numbers are at right angles and give the matrix", (dim) => {
    const half = normal(dim * dim, 1);
    const matrix = new Float64Array(dim * dim);
    for (let i = 0; i < dim; i++) {
      for (let j = 0; j < dim; j++) {
        for (let k = 0; k < dim; k++)
          matrix[i * dim + j]! += half[i * dim + k]! * half[j * dim + k]!;
      }
    }
    const { axes, values } = principalAxes(matrix, dim);
    expect(crookedness(axes, dim)).toBeLessThan(1e-12);
    expect([...values]).toEqual([...values].sort((a, b) => b - a));
    for (let i = 0; i < dim; i++) {
      for (let j = 0; j < dim; j++) {
        let sum = 0;
        for (let k = 0; k < dim; k++) {
          sum += values[k]! * axes[i * dim + k]! * axes[j * dim + k]!;
        }
        expect(sum).toBeCloseTo(matrix[i * dim + j]!, 9);
      }
    }
  });

  test("of a matrix of zeros are some", () => {
    const { axes, values } = principalAxes(new Float64Array(9), 3);
    expect(crookedness(axes, 3)).toBe(0);
    expect([...values]).toEqual([0, 0, 0]);
  });
});

test("rotateVectors gives what its reference does", async () => {
  const [vectors, matrix] = [normal(9 * 21, 1), normal(21 * 21, 2)];
  for (const unit of [false, true]) {
    const turned = await rotateVectors(vectors, matrix, { dim: 21, unit, pool });
    const plainly = await withoutKernels(() => rotateVectors(vectors, matrix, { dim: 21, unit }));
    expect(turned).toEqual(plainly);
  }
});

describe("a learned rotation", () => {
  const dim = 12;
  const shape = { dim, parts: 4, codebookSize: 16, seed: 1, pool };

  /** The share of the 10 nearest that product codes find, without a rotation and with a learned one. */
  async function recalls(
    vectors: Float32Array,
    queries: Float32Array,
    by: { dim: number; parts: number },
  ): Promise<[plain: number, learned: number]> {
    const rows = vectors.length / by.dim;
    const options = { ...shape, ...by };
    const coarse = await fitProductCodes(vectors, options);
    const exact = await createCodeSearch(vectors, coarse, { pool, keepVectors: true });
    const truth = await exact.nearest(queries, { k: 10, candidates: rows });
    exact.dispose();
    const share = async (rotation: "none" | "learned") => {
      const quantizer = await fitProductCodes(vectors, { ...options, rotation });
      expect(quantizer.bytes).toBe(by.parts / 2);
      const search = await createCodeSearch(vectors, quantizer, { pool });
      const { ids } = await search.nearest(queries);
      search.dispose();
      let right = 0;
      for (let at = 0; at < ids.length; at += 10) {
        const own = new Set(truth.ids.subarray(at, at + 10));
        right += ids.subarray(at, at + 10).filter((id) => own.has(id)).length;
      }
      return right / ids.length;
    };
    return [await share("none"), await share("learned")];
  }

  test("is one, and the same on every run", async () => {
    const rotation = await learnRotation(slanted(600, dim), shape);
    expect(crookedness(rotation, dim)).toBeLessThan(1e-4);
    expect(await learnRotation(slanted(600, dim), shape)).toEqual(rotation);
  });

  test("of vectors without some directions is one", async () => {
    const flat = slanted(600, dim).map((value, i) => (i % dim < 5 ? 0 : value));
    expect(crookedness(await learnRotation(flat, shape), dim)).toBeLessThan(1e-4);
    const none = new Float32Array(600 * dim);
    expect(crookedness(await learnRotation(none, shape), dim)).toBeLessThan(1e-4);
  });

  test("finds more of the nearest where vectors are slanted, wherever they lie", async () => {
    const at = (offset: number) => {
      const all = slanted(3200, dim).map((value) => value + offset);
      return recalls(all.subarray(0, 3000 * dim), all.subarray(3000 * dim), shape);
    };
    const [plain, learned] = await at(0);
    expect(learned).toBeGreaterThan(plain + 0.05);
    const [, farLearned] = await at(50);
    expect(farLearned).toBeGreaterThan(learned - 0.02);
  });

  test("is of vectors from all of a file, whatever their order", async () => {
    const [same, apart] = [8192, 3000]; // the first alone would do for a rotation
    const all = slanted(apart + 100, dim);
    const ordered = new Float32Array((same + apart) * dim);
    ordered.set(normal(same * dim, 9).map((value) => 0.01 * value));
    ordered.set(all.subarray(0, apart * dim), same * dim);
    const [plain, learned] = await recalls(ordered, all.subarray(apart * dim), shape);
    expect(learned).toBeGreaterThan(plain + 0.05);
  });

  test("takes the start from which more are found, not the one of less error", async () => {
    const all = edges(2100);
    const by = { dim: 64, parts: 16 };
    const [plain, learned] = await recalls(all.subarray(0, 2000 * 64), all.subarray(2000 * 64), by);
    expect(learned).toBeGreaterThan(plain + 0.03);
  });
});

test.for([
  [{ dim: 4, parts: 3 }, "fitProductCodes: parts: expected a divisor of dim 4, got 3"],
  [{ dim: 4, parts: 2, codebookSize: 257 }, "codebookSize: expected at most 256, got 257"],
  [{ dim: 4, parts: 2, rotation: "random" }, 'rotation: expected one of "none", "learned", got'],
  [{ dim: 4, parts: 2, codebookSize: 11 }, "vectors: expected at least 11, got 10"],
] as const)("%o is refused", async ([options, message]) => {
  await expect(fitProductCodes(normal(40, 1), options as never)).rejects.toThrow(message);
});
