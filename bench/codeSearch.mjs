/**
 * Search in codes of 100,000 x 384 vectors beside faiss, usearch and hnswlib-node, all on one thread, and with
 * `--patches` product codes of patches. A round asks each side in turn; medians of rounds, and ratios within them.
 *
 *   npm run build && node bench/codeSearch.mjs --python .venv/bin/python --peers /tmp/peers --rounds 9
 *
 * `--peers` names a folder where `npm install usearch hnswlib-node` was run; without it they are left out, as is
 * faiss without `--python`. `--vectors 20000 --rounds 3` is a short run. `--patches file.f32` takes float32
 * `[N, 192]`, patches of 8 x 8 x 3, and tells what a learned rotation brings there.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { createPool, createSearch } from "vector-quantize/kernels";
import { createCodeSearch, fitProductCodes, meanVector, rabitq } from "vector-quantize/search";

const { values: flags } = parseArgs({
  options: {
    vectors: { type: "string", default: "100000" },
    queries: { type: "string", default: "1000" },
    rounds: { type: "string", default: "9" },
    python: { type: "string" },
    peers: { type: "string" },
    patches: { type: "string" },
  },
});
const dim = 384;
const k = 10;
const [count, asked, rounds] = [flags.vectors, flags.queries, flags.rounds].map(Number);
const pool = createPool({ threads: 1 });

/** A mixture of 256 Gaussians whose variances fall as 1 / n along random directions, as those of embeddings do. */
function embeddings(rows, seed) {
  const next = uniform(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const center = uniform(1);
  const draw = () => Math.sqrt(-2 * Math.log(1 - center())) * Math.cos(2 * Math.PI * center());
  const sizes = Array.from({ length: dim }, (_, i) => (i + 1) ** -0.5);
  const centers = Float32Array.from({ length: 256 * dim }, (_, i) => draw() * sizes[i % dim]);
  const vectors = new Float32Array(rows * dim);
  for (let n = 0; n < rows; n++) {
    const of = Math.floor(next() * 256) * dim;
    for (let i = 0; i < dim; i++) {
      vectors[n * dim + i] = centers[of + i] + 0.7 * normal() * sizes[i];
    }
  }
  return turned(vectors);
}

/** Reflections at fixed random planes spread each direction over all numbers. */
function turned(vectors) {
  const next = uniform(2);
  for (let times = 0; times < 6; times++) {
    const plane = Float64Array.from({ length: dim }, () => next() - 0.5);
    const squares = plane.reduce((sum, value) => sum + value * value, 0);
    for (let first = 0; first < vectors.length; first += dim) {
      let product = 0;
      for (let i = 0; i < dim; i++) product += vectors[first + i] * plane[i];
      for (let i = 0; i < dim; i++) vectors[first + i] -= (2 * product * plane[i]) / squares;
    }
  }
  return vectors;
}

function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How many of the true nearest were found. */
function recall(found, truth) {
  let right = 0;
  for (let at = 0; at < truth.length; at += k) {
    const own = new Set(truth.subarray(at, at + k));
    for (let i = at; i < at + k; i++) if (own.has(Number(found[i]))) right++;
  }
  return right / truth.length;
}

const row = (queries, q) => queries.subarray(q * dim, (q + 1) * dim);

/** Our sides: what is built is timed, and asked for one query at a time or for all. */
async function ourSides(vectors, queries) {
  const center = meanVector(vectors, dim);
  const shared = { pool };
  const made = {};
  const timed = async (name, make) => {
    const start = performance.now();
    made[name] = { search: await make(), build: performance.now() - start };
  };
  const coder = rabitq({ dim, center, ...shared });
  const fine = rabitq({ dim, center, bits: 4, ...shared });
  await timed("RaBitQ", () => createCodeSearch(vectors, coder, shared));
  await timed("RaBitQ, re-ranked", () =>
    createCodeSearch(vectors, coder, { ...shared, keepVectors: true }),
  );
  await timed("RaBitQ, 4 bits", () => createCodeSearch(vectors, fine, shared));
  for (const [parts, codebookSize] of [
    [96, 16],
    [48, 256],
  ]) {
    await timed(`PQ ${parts} x ${codebookSize}`, async () =>
      createCodeSearch(
        vectors,
        await fitProductCodes(vectors, { dim, parts, codebookSize, ...shared }),
        shared,
      ),
    );
  }
  const cases = Object.entries(made).flatMap(([name, { search, build }]) => [
    {
      name: `${name}, one`,
      build,
      ask: async (some) => {
        const all = [];
        for (let q = 0; q < some; q++)
          all.push(...(await search.nearest(row(queries, q), { k })).ids);
        return all;
      },
    },
    {
      name: `${name}, batch`,
      build,
      ask: async () => (await search.nearest(queries, { k })).ids,
    },
  ]);
  const { search } = made.RaBitQ;
  for (const many of [100, 1000]) {
    cases.push({
      name: `RaBitQ, one, k ${many}`,
      ask: async (some) => {
        for (let q = 0; q < some; q++) await search.nearest(row(queries, q), { k: many });
      },
    });
  }
  const exact = await createSearch(vectors, { dim, ...shared });
  cases.push({
    name: "exact, batch",
    ask: async () => (await exact.nearestTopK(queries, k)).indices,
  });
  return cases;
}

/** usearch and hnswlib-node, where they are installed. */
function graphSides(folder, vectors, queries) {
  const require = createRequire(join(folder, "package.json"));
  const { Index } = require("usearch");
  const { HierarchicalNSW } = require("hnswlib-node");
  const sides = [];
  let start = performance.now();
  const index = new Index({
    metric: "l2sq",
    connectivity: 16,
    dimensions: dim,
    quantization: "f32",
  });
  const keys = BigUint64Array.from({ length: count }, (_, i) => BigInt(i));
  index.add(keys, vectors, 1);
  sides.push({
    name: "usearch f32, one",
    build: performance.now() - start,
    ask: async (some) =>
      Array.from({ length: some }, (_, q) => [...index.search(row(queries, q), k, 1).keys]).flat(),
  });
  start = performance.now();
  const graph = new HierarchicalNSW("l2", dim);
  graph.initIndex(count, 16, 100, 1);
  for (let n = 0; n < count; n++) graph.addPoint(Array.from(row(vectors, n)), n);
  graph.setEf(50);
  sides.push({
    name: "hnswlib-node ef 50, one",
    build: performance.now() - start,
    ask: async (some) =>
      Array.from({ length: some }, (_, q) => graph.searchKnn(Array.from(row(queries, q)), k))
        .flatMap(({ neighbors, distances }) =>
          neighbors.map((n, i) => [distances[i], n]).sort(([a], [b]) => a - b),
        )
        .map(([, n]) => n),
  });
  return sides;
}

/** faiss, in a process of its own; it takes requests by name. */
function faissSides(python, folder) {
  const child = spawn(python, [join(import.meta.dirname, "codeSearch.py"), folder, String(dim)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const request = async (line) => {
    child.stdin.write(`${JSON.stringify(line)}\n`);
    return JSON.parse((await lines.next()).value);
  };
  return { request, end: () => child.stdin.end() };
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

async function main() {
  const [vectors, queries] = [embeddings(count, 3), embeddings(asked, 4)];
  const exact = await createSearch(vectors, { dim, pool });
  const truth = (await exact.nearestTopK(queries, k)).indices;
  exact.dispose();
  console.log(`${cpus()[0].model}, Node ${process.version}, one thread, ${count} x ${dim}, k ${k}`);
  const sides = await ourSides(vectors, queries);
  if (flags.peers) sides.push(...graphSides(flags.peers, vectors, queries));
  const folder = mkdtempSync(join(tmpdir(), "code-search-"));
  let faiss;
  if (flags.python) {
    writeFileSync(join(folder, "vectors.f32"), vectors);
    writeFileSync(join(folder, "queries.f32"), queries);
    faiss = faissSides(flags.python, folder);
    const { versions, names } = await faiss.request({ do: "prepare" });
    console.log(versions);
    for (const name of names) {
      sides.push({
        name: `faiss ${name}`,
        ask: (some) => faiss.request({ do: name, queries: some }),
      });
    }
  }
  const few = Math.min(200, asked);
  const times = new Map(sides.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const { name, ask } of sides) {
      const some = name.includes("one") ? few : asked;
      const start = performance.now();
      const answer = await ask(some);
      const ms = answer?.ms ?? performance.now() - start;
      if (round > 0) times.get(name).push((1e3 * some) / ms);
      else recalls.set(name, recallOf(answer, truth.subarray(0, some * k)));
    }
  }
  console.log("\n| side | queries a second | recall@10 | build, s |\n| --- | --- | --- | --- |");
  for (const { name, build } of sides) {
    const found = recalls.get(name);
    const qps = median(times.get(name)).toFixed(0);
    console.log(
      `| ${name} | ${qps} | ${found?.toFixed(4) ?? ""} | ${build ? (build / 1e3).toFixed(1) : ""} |`,
    );
  }
  ratios(times);
  faiss?.end();
  rmSync(folder, { recursive: true });
  if (flags.patches) await patches(flags.patches);
  pool.dispose();
}

const recalls = new Map();

function recallOf(answer, truth) {
  const found = answer?.ids ?? answer;
  return found?.length >= truth.length ? recall(found, truth) : undefined;
}

/** Ours over faiss's, within rounds. */
function ratios(times) {
  const pairs = [
    ["RaBitQ, one", "faiss RaBitQ, one"],
    ["RaBitQ, batch", "faiss RaBitQ, batch"],
    ["RaBitQ, re-ranked, one", "faiss RaBitQ, re-ranked, one"],
    ["RaBitQ, re-ranked, batch", "faiss RaBitQ, re-ranked, batch"],
    ["PQ 96 x 16, one", "faiss PQ 96 x 16, one"],
    ["PQ 96 x 16, batch", "faiss PQ 96 x 16, batch"],
    ["PQ 48 x 256, one", "faiss PQ 48 x 256, one"],
    ["PQ 48 x 256, batch", "faiss PQ 48 x 256, batch"],
    ["exact, batch", "faiss exact, batch"],
    ["RaBitQ, one, k 1000", "RaBitQ, one"],
  ];
  console.log("\n| ratio of queries a second | median |\n| --- | --- |");
  for (const [ours, theirs] of pairs) {
    const [a, b] = [times.get(ours), times.get(theirs)];
    if (a && b)
      console.log(`| ${ours} / ${theirs} | ${median(a.map((v, i) => v / b[i])).toFixed(2)} |`);
  }
}

/** Product codes of patches of pictures: raw, and by a learned rotation. */
async function patches(file) {
  const { buffer } = new Uint8Array(readFileSync(file));
  const all = new Float32Array(buffer);
  const width = 192;
  const queries = all.subarray(all.length - 1000 * width);
  const vectors = all.subarray(0, all.length - 1000 * width);
  const two = createPool({ threads: 2 });
  const exact = await createSearch(vectors, { dim: width, pool: two });
  const truth = (await exact.nearestTopK(queries, k)).indices;
  console.log("\n| patches | fit, s | recall@10 |\n| --- | --- | --- |");
  for (const rotation of ["none", "learned"]) {
    const start = performance.now();
    const quantizer = await fitProductCodes(vectors, {
      dim: width,
      parts: 48,
      rotation,
      pool: two,
    });
    const seconds = (performance.now() - start) / 1e3;
    const search = await createCodeSearch(vectors, quantizer, { pool: two });
    const { ids } = await search.nearest(queries, { k });
    console.log(
      `| 48 x 4 bits, ${rotation} | ${seconds.toFixed(1)} | ${recall(ids, truth).toFixed(4)} |`,
    );
  }
  two.dispose();
}

await main();
