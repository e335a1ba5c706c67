import { expect, it } from "vitest";
import { integers, withoutKernels } from "../../../../test/support/kernelPools.ts";
import { assignStats } from "./codes/assignStats.ts";
import { decodeSum, gather } from "./codes/gather.ts";
import { decodeLevels, encodeLevels } from "./levels/encodeLevels.ts";
import { fsqCodec } from "./levels/fsqCodec.ts";
import { residualFsqCodec } from "./levels/residualFsqCodec.ts";
import { decodeResidualLevels, encodeResidualLevels } from "./levels/residualLevels.ts";
import { decodeSigns, encodeSigns } from "./levels/signs.ts";
import { createResidualSearch } from "./residual/createResidualSearch.ts";
import { residualStats } from "./residual/residualStats.ts";

const whole = (length: number, seed: number) =>
  Float32Array.from({ length }, integers(seed, -9, 9));

const [dim, rows] = [8, 20];
const vectors = whole(rows * dim, 1);
const codebooks = [whole(5 * dim, 2), whole(6 * dim, 3)];
const codec = fsqCodec({ levels: [3, 5, 4, 3, 3, 3, 3, 3] });
const nan = vectors.map((value, i) => (i === 3 * dim + 1 ? Number.NaN : value));

/** Every call of the kernels, but the search (`search.test.ts`) and k-means (`kmeans.test.ts`). */
async function all() {
  const found: Record<string, unknown> = {};
  for (const beam of [1, 3]) {
    const search = await createResidualSearch(codebooks, { dim, beam, rank: "sum" });
    found[`residual ${beam}`] = await search.nearest(vectors);
    await search.set([codebooks[0]!.map((value) => -value), codebooks[1]!]);
    found[`other residual ${beam}`] = await search.nearest(vectors);
    found[`bad residual ${beam}`] = await search.nearest(nan).catch(String);
    found[`bad codes ${beam}`] = await search.set([nan.slice(0, 40), codebooks[1]!]).catch(String);
    search.dispose();
    found[`disposed ${beam}`] = await search.nearest(vectors).catch(String);
  }
  const marking = await createResidualSearch(codebooks, { dim, invalid: "mark" });
  found.marked = await marking.nearest(nan);
  const { indices } = await marking.nearest(vectors);
  marking.dispose();
  const first = indices.filter((_, i) => i % 2 === 0);
  found.stats = await assignStats(vectors, first, { dim, codes: 5 });
  found.badStats = await assignStats(vectors, first, { dim, codes: 1 }).catch(String);
  found.residualStats = await residualStats(vectors, indices, codebooks, { dim });
  found.gather = await gather(codebooks[0]!, first, { dim });
  found.decodeSum = await decodeSum(codebooks, indices, { dim });
  found.badDecode = await decodeSum(codebooks, Int32Array.of(0, 6), { dim }).catch(String);
  const levels = await encodeLevels(codec, vectors);
  found.levels = levels;
  found.badLevels = await encodeLevels(codec, nan).catch(String);
  found.values = await decodeLevels(codec, levels.indices);
  found.badValues = await decodeLevels(codec, Int32Array.of(-2)).catch(String);
  for (const bounds of ["softClamp", "bound", "boundNormalized", "none"] as const) {
    const layered = residualFsqCodec({ levels: [3, 5, 4, 8], numQuantizers: 3, bounds });
    const fine = vectors.map((value) => value / 7);
    const { indices: rows } = await encodeResidualLevels(layered, fine);
    found[`layers ${bounds}`] = rows;
    found[`bad layers ${bounds}`] = await encodeResidualLevels(layered, nan).catch(String);
    const marked = await encodeResidualLevels(layered, nan, { invalid: "mark" });
    found[`marked layers ${bounds}`] = marked;
    found[`sums ${bounds}`] = await decodeResidualLevels(layered, marked.indices);
    const bad = Int32Array.of(0, 480, 0);
    found[`bad sums ${bounds}`] = await decodeResidualLevels(layered, bad).catch(String);
  }
  const signs = await encodeSigns(vectors, { dim });
  found.signs = signs;
  found.badSigns = await encodeSigns(nan, { dim }).catch(String);
  found.scales = await decodeSigns(signs.indices, { dim, scale: 2 });
  found.badScales = await decodeSigns(Int32Array.of(256), { dim }).catch(String);
  return found;
}

it("all calls answer without WebAssembly's SIMD as with it", async () => {
  expect(await withoutKernels(all)).toEqual(await all());
});
