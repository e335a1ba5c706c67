/**
 * k-means of vectors that several processes have: mpirun -n 2 node bench/kmeansProcesses.mjs [threads]
 *
 * Prints seconds of an iteration, and a hash of the centroids, which is the same for any number of processes.
 */
import { createHash } from "node:crypto";
import { initNode } from "vector-quantize/node";

await initNode({ threads: Number(process.argv[2] ?? 1) });
const { kmeans } = await import("vector-quantize/kernels");
const { solo } = await import("vector-quantize/train");
const { launched, mpiGroup } = await import("vector-quantize-mpi");

const [dim, clusters, iterations, parts] = [64, 1024, 4, 4];
const part = 2 ** 23 / dim; // vectors that are summed by themselves
const group = launched() ? await mpiGroup() : solo();
const numberOf = (rank) => Math.floor((parts * rank) / group.size);
const [from, to] = [part * numberOf(group.rank), part * numberOf(group.rank + 1)];
const vectors = new Float32Array((to - from) * dim);
for (let i = 0; i < vectors.length; i++) {
  let bits = Math.imul(i + from * dim + 1, 0x9e3779b1);
  bits = Math.imul(bits ^ (bits >>> 15), 0x85ebca6b);
  vectors[i] = ((bits ^ (bits >>> 13)) >>> 0) / 2 ** 32 - 0.5;
}
const began = performance.now();
const { centroids, inertia } = await kmeans(vectors, { dim, clusters, iterations, group });
const seconds = (performance.now() - began) / 1000 / iterations;
const hash = createHash("sha256").update(centroids).digest("hex").slice(0, 16);
if (group.rank === 0)
  console.log(JSON.stringify({ processes: group.size, seconds, inertia, hash }));
