/**
 * Embeddings in a thirtieth of their bytes, searched in a millisecond, saved and opened again.
 *
 *   node examples/search.ts --vectors 100000
 *
 * Measured (2026-11-28): see the page "Search embeddings" of the site.
 */
import { parseArgs } from "node:util";
import {
  createCodeSearch,
  meanVector,
  openCodeSearch,
  rabitq,
  saveCodeSearch,
} from "vector-quantize/search";

const { values: flags } = parseArgs({
  options: { vectors: { type: "string", default: "100000" } },
});
const count = Number(flags.vectors);
const dim = 384;
const k = 10;
const vectors = topics(count, 1);
const queries = topics(100, 2);

const metric = "cosine";
const quantizer = rabitq({ dim, metric, center: meanVector(vectors, dim, metric) });
let begin = performance.now();
const codes = await quantizer.encode(vectors);
const search = await createCodeSearch(codes, quantizer);
report(`${count} vectors in ${quantizer.bytes} bytes each, not ${4 * dim}`);

begin = performance.now();
const { ids } = await search.nearest(queries, { k });
report("100 searches");

// With the vectors kept the best of the codes are put in order by them.
const exact = await createCodeSearch(vectors, quantizer, { keepVectors: true });
const truth = (await exact.nearest(queries, { k, candidates: Math.min(count, 16384) })).ids;
const ranked = (await exact.nearest(queries, { k })).ids;
console.log(`of the 10 nearest: ${found(ids)} by codes alone, ${found(ranked)} re-ranked`);

// Only even ids, say those of one customer.
const even = await exact.nearest(queries, { k, filter: (id) => id % 2 === 0 });
console.log(`filtered: ${even.ids.every((id) => id % 2 === 0)}`);

const file = await saveCodeSearch(search);
const again = await openCodeSearch(file);
const same = (await again.nearest(queries, { k })).ids.every((id, i) => id === ids[i]);
console.log(`a file of ${(file.length / 1e6).toFixed(1)} MB gives the same: ${same}`);
for (const each of [search, exact, again]) each.dispose();

function report(what: string): void {
  console.log(`${what}: ${(performance.now() - begin).toFixed(0)} ms`);
}

function found(some: Int32Array): string {
  const right = some.filter((id, i) => {
    const first = i - (i % k);
    return truth.subarray(first, first + k).includes(id);
  });
  return `${((100 * right.length) / some.length).toFixed(0)} %`;
}

/** Vectors about 50 topics, the first numbers the largest. */
function topics(rows: number, seed: number): Float32Array {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const topic = (n: number, i: number) => Math.sin((n % 50) * 7.3 + i * (1 + (n % 50)));
  return Float32Array.from({ length: rows * dim }, (_, at) => {
    const i = at % dim;
    return (topic(Math.floor(at / dim), i) + 2 * next()) / Math.sqrt(1 + i / 16);
  });
}
