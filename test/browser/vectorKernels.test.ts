import { describe, expect } from "vitest";
import { assignStatsReference } from "../../packages/vector-quantize/src/kernels/codes/assignStats.reference.ts";
import { decodeSumReference } from "../../packages/vector-quantize/src/kernels/codes/gather.reference.ts";
import { encodeLevelsReference } from "../../packages/vector-quantize/src/kernels/levels/encodeLevels.reference.ts";
import { fsqCodec } from "../../packages/vector-quantize/src/kernels/levels/fsqCodec.ts";
import { encodeSignsReference } from "../../packages/vector-quantize/src/kernels/levels/signs.reference.ts";
import { residualNearestReference } from "../../packages/vector-quantize/src/kernels/residual/residualNearest.reference.ts";
import { browserTest, withPage } from "./withPage.ts";

const [N, D, K] = [3000, 12, 60];

/** The same whole numbers in the page and here. */
const series = (length: number, step: number) =>
  Float32Array.from({ length }, (_, i) => ((i * step) % 101) - 50);

const inPage = `
const series = ${series.toString()};
const {
  assignStats, createResidualSearch, decodeSum, encodeLevels, encodeSigns, fsqCodec, kmeans,
} = await import("vector-quantize/kernels");
const vectors = series(${N * D}, 617);
const codebooks = [series(${K * D}, 283), series(${K * D}, 31), series(${K * D}, 7)];
const found = {};
for (const beam of [1, 4]) {
  const search = await createResidualSearch(codebooks, { dim: ${D}, beam });
  found["beam " + beam] = [...(await search.nearest(vectors)).indices];
  search.dispose();
}
const indices = Int32Array.from(found["beam 1"]);
found.decoded = [...(await decodeSum(codebooks, indices, { dim: ${D} }))];
const first = indices.filter((_, i) => i % 3 === 0);
const stats = await assignStats(vectors, first, { dim: ${D}, codes: ${K} });
found.stats = [...stats.counts, ...stats.sums];
const small = vectors.map((value) => value / 25);
found.levels = [...(await encodeLevels(fsqCodec({ levels: [8, 5, 5] }), small)).indices];
found.signs = [...(await encodeSigns(vectors, { dim: ${D} })).indices];
const clusters = await kmeans(vectors, { dim: ${D}, clusters: 20, seeding: "kmeans++" });
found.kmeans = clusters.counts.reduce((sum, count) => sum + count, 0);
return found;
`;

describe.each([{ isolated: true }, { isolated: false }])("page, %o", ({ isolated }) => {
  browserTest(`all other kernels answer ${isolated ? "on" : "without"} threads`, async () => {
    const vectors = series(N * D, 617);
    const codebooks = [series(K * D, 283), series(K * D, 31), series(K * D, 7)];
    const score = { weights: [1, 1, 1], carry: 0 } as const;
    const indices = residualNearestReference(vectors, codebooks, D, 1, score);
    const first = indices.filter((_, i) => i % 3 === 0);
    const stats = assignStatsReference(vectors, first, D, K);
    const small = vectors.map((value) => value / 25);
    const wanted = {
      "beam 1": [...indices],
      "beam 4": [...residualNearestReference(vectors, codebooks, D, 4, score)],
      decoded: [...decodeSumReference(codebooks, indices, D)],
      stats: [...stats.counts, ...stats.sums],
      levels: [...encodeLevelsReference(fsqCodec({ levels: [8, 5, 5] }), small).indices],
      signs: [...encodeSignsReference(vectors, D).indices],
      kmeans: N,
    };
    await withPage({ isolated }, async ({ run }) => {
      expect(await run<typeof wanted>(inPage)).toEqual(wanted);
    });
  });
});
