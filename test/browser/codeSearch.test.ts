import { describe, expect } from "vitest";
import { browserTest, withPage } from "./withPage.ts";

/** Searches, saved and opened again, by numbers alone. */
const program = `
const { createCodeSearch, fitProductCodes, openCodeSearch, rabitq, saveCodeSearch } = await import("vector-quantize/search");
const dim = 48;
const series = (rows, step) => Float32Array.from({ length: rows * dim }, (_, i) => ((i * i * step) % 1009) / 1009);
const vectors = series(3000, 617);
const queries = series(5, 283);
const coders = [rabitq({ dim }), rabitq({ dim, bits: 3, metric: "cosine" })];
for (const codebookSize of [16, 64]) coders.push(await fitProductCodes(vectors, { dim, parts: 12, codebookSize, rotation: "learned" }));
const found = [];
for (const [i, coder] of coders.entries()) {
  const search = await createCodeSearch(vectors, coder, { keepVectors: i === 0, ...(i === 1 && { cells: series(6, 101) }) });
  const again = await openCodeSearch(new Blob([await saveCodeSearch(search)]));
  for (const each of [search, again]) {
    const { ids, distances } = await each.nearest(queries, { k: 20 });
    found.push({ ids: [...ids], distances: [...distances] });
    each.dispose();
  }
}
return found;
`;

interface Found {
  readonly ids: number[];
  readonly distances: number[];
}

describe.each([{ isolated: true }, { isolated: false }])("page, %o", ({ isolated }) => {
  browserTest("search in codes gives what it gives here", async () => {
    const here = new Function(
      "load",
      `return (async () => {${program.replace('import("vector-quantize/search")', "load()")}})()`,
    );
    const wanted: Found[] = await here(() => import("vector-quantize/search"));
    await withPage({ isolated }, async ({ run }) => {
      expect(await run<Found[]>(program)).toEqual(wanted);
    });
    for (let i = 0; i < wanted.length; i += 2) expect(wanted[i]).toEqual(wanted[i + 1]);
  });
});
