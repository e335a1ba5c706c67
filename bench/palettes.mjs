/**
 * k-means of palettes: ours, faiss's `Kmeans` and plain JavaScript, in turn, each in a process of its own. Prints
 * seconds of all iterations, the error that they end with, and the peak memory beside the data's.
 *
 *   npm run build
 *   node bench/palettes.mjs --python .venv/bin/python                       # 1,000,000 x 45, 65,536 clusters
 *   node bench/palettes.mjs --python .venv/bin/python --rows 65536 --dim 8 --clusters 1024 --rounds 5
 *
 * Plain JavaScript is a loop over Float32Arrays on one thread, measured on `--plain` vectors of a single search and
 * reckoned for all. The numbers are like those of splats: vectors of 20,000 kinds, and coefficients that grow weaker.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { npyHeader, writeNpy } from "vector-quantize/data";

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    dim: { type: "string", default: "45" },
    clusters: { type: "string", default: "65536" },
    iterations: { type: "string", default: "10" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "1" },
    plain: { type: "string", default: "200" },
    seeding: { type: "string", default: "sample" },
    python: { type: "string" },
    side: { type: "string" },
    file: { type: "string" },
  },
});
const numbers = ["rows", "dim", "clusters", "iterations", "threads", "rounds", "plain"];
const [rows, dim, clusters, iterations, threads, rounds, plain] = numbers.map((name) =>
  Number(values[name]),
);
const megabytes = (bytes) => Math.round(bytes / 2 ** 20);

/** Reads the vectors into one array, without a second copy of them. */
function load() {
  const file = openSync(values.file);
  const head = new Uint8Array(128);
  readSync(file, head, 0, head.length, 0);
  const { begin } = npyHeader(head);
  const vectors = new Float32Array(rows * dim);
  const bytes = new Uint8Array(vectors.buffer);
  for (let at = 0; at < bytes.length; ) {
    at += readSync(file, bytes, at, Math.min(2 ** 24, bytes.length - at), begin + at);
  }
  return vectors;
}

const sides = {
  async ours() {
    const { createPool, kmeans } = await import("vector-quantize/kernels");
    const vectors = load();
    const pool = createPool({ threads });
    const { seeding } = values;
    const began = performance.now();
    const found = await kmeans(vectors, { dim, clusters, iterations, seeding, seed: 1, pool });
    return { seconds: (performance.now() - began) / 1000, error: found.inertia / rows };
  },

  plain() {
    const vectors = load();
    const codes = vectors.slice(0, clusters * dim);
    const began = performance.now();
    for (let n = 0; n < plain; n++) nearest(vectors, rows - 1 - n, codes);
    const seconds = ((performance.now() - began) / 1000 / plain) * rows * iterations;
    return { seconds };
  },
};

function nearest(vectors, row, codes) {
  let [best, at] = [Number.POSITIVE_INFINITY, -1];
  for (let k = 0; k < clusters; k++) {
    let sum = 0;
    for (let d = 0; d < dim; d++) {
      const difference = vectors[row * dim + d] - codes[k * dim + d];
      sum += difference * difference;
    }
    if (sum < best) [best, at] = [sum, k];
  }
  return at;
}

/** Runs a side in a process of its own. */
function run(side, file) {
  const shared = ["--rows", rows, "--dim", dim, "--clusters", clusters, "--iterations", iterations];
  const own = ["--threads", threads, "--plain", plain, "--seeding", values.seeding, "--file", file];
  const script = fileURLToPath(import.meta.url);
  const [program, ...args] =
    side === "faiss"
      ? [values.python, join(script, "../palettes.py"), ...shared, "--threads", threads, file]
      : [process.execPath, script, "--side", side, ...shared, ...own];
  const { stdout, stderr, status } = spawnSync(program, args.map(String), { encoding: "utf8" });
  if (status !== 0) throw new Error(`${side}: ${stderr}`);
  return JSON.parse(stdout);
}

/** Vectors from a seed, by a hash of their places. */
function makeVectors() {
  const noise = (i) => {
    let bits = Math.imul(i + 1, 0x9e3779b1);
    bits = Math.imul(bits ^ (bits >>> 15), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 31 - 1;
  };
  return Float32Array.from({ length: rows * dim }, (_, i) => {
    const [row, d] = [Math.floor(i / dim), i % dim];
    const kind = Math.floor((noise(row + 7e8) + 1) * 1e4);
    return (noise(kind * dim + d + 9e8) + noise(i) / 3) / (1 + (d % 15) / 3);
  });
}

async function compare() {
  const folder = mkdtempSync(join(tmpdir(), "palettes-"));
  const file = join(folder, "vectors.npy");
  try {
    writeFileSync(file, writeNpy({ shape: [rows, dim], data: makeVectors() }));
    const names = ["ours", ...(values.python ? ["faiss"] : []), ...(plain > 0 ? ["plain"] : [])];
    console.log(
      `${cpus()[0].model}, Node ${process.versions.node}, ${threads} threads; ${rows} x ${dim}, ` +
        `${clusters} clusters, ${iterations} iterations; the data are ${megabytes(4 * rows * dim)} MB`,
    );
    for (let round = 0; round < rounds; round++) {
      const ours = run("ours", file);
      for (const side of names) {
        const found = side === "ours" ? ours : run(side, file);
        const { seconds, error, peak } = found;
        const parts = [`${seconds.toFixed(2)} s`, `${(seconds / ours.seconds).toFixed(2)} of ours`];
        if (error !== undefined) parts.push(`error ${error.toFixed(5)}`, `peak ${peak} MB`);
        console.log(`${round + 1} ${side.padEnd(6)} ${parts.join(", ")}`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (values.side === undefined) await compare();
else {
  const found = await sides[values.side]();
  const peak = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(JSON.stringify({ ...found, peak }));
}
