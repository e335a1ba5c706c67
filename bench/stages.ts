import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createPool, createSearch, type Pool, type Search } from "vector-quantize/kernels";
import { gatherAtCodes, normals, uniform } from "./data.ts";

/**
 * What the stages before float32 gain: `createSearch` against its last stage alone, in pairs in one
 * process. The tables in docs/exact-search.md.
 *
 *   npm run bench:stages -- --shape 16384,256,1024 --kind clustered --topk 4 --rounds 9
 *   npm run bench:stages -- --vectors x.f32 --codebook c.f32 --dim 192     # data of your own
 */
const { values } = parseArgs({
  options: {
    shape: { type: "string", multiple: true },
    kind: { type: "string", multiple: true },
    topk: { type: "string", default: "1" },
    rounds: { type: "string", default: "7" },
    threads: { type: "string", default: "4" },
    vectors: { type: "string" },
    codebook: { type: "string" },
    dim: { type: "string" },
  },
});

const SHAPES = [
  "16384,256,1024",
  "16384,64,8192",
  "16384,32,65536",
  "65536,8,1024",
  "65536,8,16384",
];
type Numbers = Float32Array<ArrayBuffer>;
interface Data {
  readonly name: string;
  readonly dim: number;
  readonly vectors: Numbers;
  readonly codebook: Numbers;
}

const kinds: Record<string, (n: number, dim: number, codes: number) => [Numbers, Numbers]> = {
  Gaussian: (n, dim, codes) => [normals(n * dim, 1), normals(codes * dim, 2)],
  clustered(n, dim, codes) {
    const [vectors, codebook] = [normals(n * dim, 1), normals(codes * dim, 2)];
    gatherAtCodes(vectors, codebook, dim);
    return [vectors, codebook];
  },
  "heavy-tailed": (n, dim, codes) => [heavyTailed(n * dim, 1), heavyTailed(codes * dim, 2)],
};

function heavyTailed(count: number, seed: number): Numbers {
  const next = uniform(seed + 100);
  return normals(count, seed).map((v) => v / (1e-3 + next() ** 2));
}

function* dataSets(): Generator<Data> {
  if (values.vectors !== undefined && values.codebook !== undefined) {
    const [vectors, codebook] = [readFloats(values.vectors), readFloats(values.codebook)];
    yield { name: values.vectors, dim: Number(values.dim), vectors, codebook };
    return;
  }
  for (const shape of values.shape ?? SHAPES) {
    const [n = 0, dim = 0, codes = 0] = shape.split(",").map(Number);
    for (const name of values.kind ?? ["Gaussian", "clustered"]) {
      const make = kinds[name];
      if (make === undefined)
        throw new Error(`--kind: expected ${Object.keys(kinds)}, got ${name}`);
      const [vectors, codebook] = make(n, dim, codes);
      yield { name, dim, vectors, codebook };
    }
  }
}

function readFloats(path: string): Numbers {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** The package's own modules, for what no public name stands for. */
async function inside(module: string) {
  const url = new URL(`../../packages/vector-quantize/dist/kernels/${module}.js`, import.meta.url);
  return import(url.href);
}

/** A search whose only stage is float32. */
async function searchInFloats({ codebook, dim }: Data, pool: Pool): Promise<Search> {
  const { PackedSearch } = await inside("search/packedSearch");
  const { packCodebook } = await inside("search/packedCodebook");
  const { fastestTile } = await inside("search/tileChoice");
  const { noPruning } = await inside("search/pruning/pruning");
  const { form, memory } = pool;
  const shape = { dim, size: codebook.length / dim, metric: "euclidean" };
  return pool.exclusive(() =>
    memory.hold(async (scope) => {
      const tile = await fastestTile(pool, form, dim);
      const book = scope.adopt(await packCodebook(pool, { ...shape, tile, form }));
      await book.set(codebook);
      const settings = { ...shape, throws: true, limit: Number.POSITIVE_INFINITY };
      return new PackedSearch(pool, scope, book, noPruning, settings, form);
    }),
  );
}

const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[numbers.length >> 1] as number;

const pool = createPool({ threads: Number(values.threads) });
const k = Number(values.topk);
console.log(`Node ${process.versions.node}, ${values.threads} threads, k = ${k}`);
console.log("| vectors, D, codes | data | float32 alone, ms | all stages, ms | ratio |");
console.log("| --- | --- | --- | --- | --- |");
for (const data of dataSets()) {
  const { name, dim, vectors, codebook } = data;
  const search = await createSearch(codebook, { dim, pool });
  const floats = await searchInFloats(data, pool);
  const timed = async (each: Search) => {
    const began = performance.now();
    const { indices } = await (k === 1 ? each.nearest(vectors) : each.nearestTopK(vectors, k));
    return { ms: performance.now() - began, indices };
  };
  const pairs: [floats: number, search: number][] = [];
  for (let round = -2; round < Number(values.rounds); round++) {
    const [a, b] = [await timed(floats), await timed(search)];
    if (a.indices.some((index, i) => index !== b.indices[i])) throw new Error("answers differ");
    if (round >= 0) pairs.push([a.ms, b.ms]);
  }
  const cells = [
    `${vectors.length / dim}, ${dim}, ${codebook.length / dim}`,
    name,
    median(pairs.map(([a]) => a)).toFixed(1),
    median(pairs.map(([, b]) => b)).toFixed(1),
    median(pairs.map(([a, b]) => a / b)).toFixed(2),
  ];
  console.log(`| ${cells.join(" | ")} |`);
  search.dispose();
  floats.dispose();
}
pool.dispose();
