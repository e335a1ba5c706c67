import { describe, expect, test } from "vitest";
import { createSearch } from "./createSearch.ts";
import { ReferenceSearch } from "./search.reference.ts";
import type { Search } from "./search.ts";

const codebook = new Float32Array([0, 0, 3, 0, 0, 4]); // 3 codes of 2 features
const settings = { dim: 2, size: 3, throws: true, limit: Number.POSITIVE_INFINITY } as const;

describe.each([
  ["kernels", () => createSearch(codebook, { dim: 2, invalid: "mark" })],
  [
    "reference",
    async () => new ReferenceSearch(codebook, { ...settings, metric: "euclidean", throws: false }),
  ],
] as [string, () => Promise<Search>][])("verify on the %s", (_, make) => {
  test("tells how much nearer a code is than every other one", async () => {
    const search = await make();
    const vectors = new Float32Array([1, 0, 1.5, 0, 0, 3, Number.NaN, 0]);
    const { indices } = await search.nearest(vectors);
    expect([...(await search.verify(vectors, indices))]).toEqual([3, 0, 8, Number.NaN]);
    search.dispose();
  });

  test("is below 0 for a wrong index", async () => {
    const search = await make();
    expect([...(await search.verify(new Float32Array([1, 0]), new Int32Array([2])))]).toEqual([
      -16,
    ]);
    search.dispose();
  });

  test.each([
    [new Int32Array([3]), "verify: indices: expected -1 to 2, got 3"],
    [new Int32Array([0, 1]), "verify: indices length: expected 1, got 2"],
    [new Float32Array([0]), "verify: indices: expected an Int32Array"],
  ])("refuses %o", async (indices, message) => {
    const search = await make();
    const verified = search.verify(new Float32Array([1, 0]), indices as Int32Array);
    await expect(verified).rejects.toThrow(message);
    search.dispose();
  });
});

test.each(["cosine", "dot"] as const)("verify of the %s is right", async (metric) => {
  const next = (i: number) => Math.sin(i * i);
  const codes = Float32Array.from({ length: 40 * 5 }, (_, i) => next(i));
  const vectors = Float32Array.from({ length: 300 * 5 }, (_, i) => next(3 * i + 1));
  const search = await createSearch(codes, { dim: 5, metric });
  const { indices, distances } = await search.nearestTopK(vectors, 2);
  const nearest = indices.filter((_, i) => i % 2 === 0);
  const margins = await search.verify(vectors, nearest);
  for (const [i, margin] of margins.entries()) {
    expect(margin).toBeGreaterThanOrEqual(0);
    expect(margin).toBeCloseTo((distances[2 * i + 1] ?? 0) - (distances[2 * i] ?? 0), 5);
  }
  search.dispose();
});
