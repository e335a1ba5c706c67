/**
 * What passes over very many vectors cost, by a formula of rates that are measured here, and a simulation that
 * checks the formula: node bench/scaling.mjs
 *
 * A pass of k-means: every process reads and searches its own vectors in parts, then the sums go from process to
 * process. Encoding: parts are taken by whoever is free. Wants an mpirun for the rate of the network.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { initNode } from "vector-quantize/node";

const [dim, codes] = [64, 4096];

/** Broadcasts of 16 MB by two processes; the first prints bytes a second and the seconds of a tiny one. */
async function network() {
  const { mpiGroup } = await import("vector-quantize-mpi");
  const group = await mpiGroup();
  const seconds = async (length, rounds) => {
    const values = new Float32Array(length);
    await group.broadcast(values, 0);
    const times = [];
    for (let i = 0; i < rounds; i++) {
      await group.barrier();
      const began = performance.now();
      await group.broadcast(values, 0);
      await group.barrier();
      times.push((performance.now() - began) / 1000);
    }
    return times.sort((a, b) => a - b)[rounds >> 1];
  };
  const tiny = await seconds(1, 200);
  const rate = (4 * 2 ** 22) / (await seconds(2 ** 22, 20));
  if (group.rank === 0) console.log(JSON.stringify({ rate, latency: tiny }));
}

/** Vectors that one thread searches a second, and bytes a second between processes here. */
async function measured() {
  await initNode({ threads: 1 });
  const { createSearch } = await import("vector-quantize/kernels");
  const next = (() => {
    let state = 1;
    return () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647 - 0.5;
    };
  })();
  const book = Float32Array.from({ length: codes * dim }, next);
  const vectors = Float32Array.from({ length: 16384 * dim }, next);
  const search = await createSearch(book, { dim });
  const times = [];
  for (let i = 0; i < 7; i++) {
    const began = performance.now();
    await search.nearest(vectors);
    times.push((performance.now() - began) / 1000);
  }
  search.dispose();
  const searched = 16384 / times.sort((a, b) => a - b)[1];
  const mpi = ["-n", "2", "--bind-to", "none", "--oversubscribe", "--allow-run-as-root"];
  const own = [process.execPath, fileURLToPath(import.meta.url), "network"];
  const { stdout, stderr } = spawnSync("mpirun", [...mpi, ...own], { encoding: "utf8" });
  if (!stdout.includes("{")) throw new Error(stderr);
  return { searched, ...JSON.parse(stdout) };
}

/** Seconds of a pass of k-means by the formula of docs/many-processes.md. */
const passByFormula = ({ vectors, processes, searched, storage, rate, latency, sums }) =>
  (vectors / processes) * Math.max(1 / searched, (4 * dim) / storage) +
  processes * (sums / rate + latency);

/** The same pass, part by part: each a bit faster or slower, sums once a process and the one before are done. */
function passSimulated(job, random) {
  const { vectors, processes, part, searched, storage, rate, latency, sums } = job;
  const each = vectors / processes / Math.max(1, Math.round(vectors / processes / part));
  let passed = 0;
  for (let r = 0; r < processes; r++) {
    let [read, done] = [0, 0];
    for (let left = vectors / processes; left > 0.5; left -= each) {
      read += ((each * 4 * dim) / storage) * noise(random);
      done = Math.max(done, read) + (each / searched) * noise(random);
    }
    passed = Math.max(passed, done) + sums / rate + latency;
  }
  return passed;
}

/** Seconds of encoding in parts: the mean, and of the last part half of it. */
const encodingByFormula = ({ vectors, processes, part, searched }) =>
  vectors / processes / searched + part / searched / 2;

function encodingSimulated({ vectors, processes, part, searched }, random) {
  const free = new Float64Array(processes);
  for (let left = vectors; left > 0.5; left -= part) {
    let first = 0;
    for (let r = 1; r < processes; r++) if (free[r] < free[first]) first = r;
    free[first] += (Math.min(left, part) / searched) * noise(random);
  }
  return Math.max(...free);
}

/** About 1, a tenth more or less. */
const noise = (random) => Math.exp(0.1 * (random() + random() + random() - 1.5) * 2) / 1.005;

async function tell() {
  const found = await measured();
  const { searched, rate, latency } = found;
  console.log(
    `one thread searches ${Math.round(searched)} vectors of ${dim} in ${codes} codes a second ` +
      `(${((2 * searched * dim * codes) / 1e9).toFixed(0)} G operations); ` +
      `broadcasts: ${(rate / 1e9).toFixed(2)} GB/s, ${(1e6 * latency).toFixed(0)} us for a tiny one`,
  );
  const { uniformFrom } = await import(
    new URL("../packages/vector-quantize/dist/kernels/clustering/uniform.js", import.meta.url)
  );
  const random = uniformFrom(1);
  const sums = 4 * codes * dim;
  // A node of 64 cores is 64 threads of here, reads 2 GB/s and sends 10 GB/s.
  const node = { searched: 64 * searched, storage: 2e9, rate: 1e10, latency: 2e-5, sums };
  const rows = [
    ["here", 2 ** 22, 1, { searched, storage: 1e9, rate, latency, sums }],
    ["here", 2 ** 22, 2, { searched, storage: 1e9, rate, latency, sums }],
    ["nodes", 1e9, 8, node],
    ["nodes", 1e10, 64, node],
    ["nodes", 1e12, 256, node],
    ["nodes", 1e12, 1024, node],
  ];
  console.log(
    "\n| where | vectors | processes | pass: formula | simulated | encoding: formula | simulated |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const [where, vectors, processes, rates] of rows) {
    const job = { vectors, processes, part: 2 ** 23 / dim, ...rates };
    // Very many parts are simulated as fewer, larger ones.
    job.part *= Math.max(1, Math.ceil(vectors / processes / job.part / 2000));
    const [pass, simulated] = [passByFormula(job), passSimulated(job, random)];
    const [encoding, taken] = [encodingByFormula(job), encodingSimulated(job, random)];
    const off = (a, b) => `${clock(b)} (${(100 * (b / a - 1)).toFixed(1)} %)`;
    console.log(
      `| ${where} | ${vectors.toExponential(1)} | ${processes} | ${clock(pass)} | ${off(pass, simulated)} | ` +
        `${clock(encoding)} | ${off(encoding, taken)} |`,
    );
  }
}

function clock(seconds) {
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  if (seconds < 7200) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

if (process.argv[2] === "network") await network();
else await tell();
