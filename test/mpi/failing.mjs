// Processes of which number 1 fails in the way that the first argument says, while the others wait for it.
import { mpiGroup } from "vector-quantize-mpi";

const way = process.argv[2];
const group = await mpiGroup({ timeout: 3 });
await group.barrier();
if (group.rank === 1) {
  if (way === "kill") process.kill(process.pid, "SIGKILL");
  if (way === "leave") process.exit(0);
  if (way === "throw") throw new Error("out of order");
  if (way === "silent") setInterval(() => {}, 1000);
}
if (way === "abort" && group.rank === 2) group.abort("has had enough");
if (group.rank !== 1 || way === "abort") await group.allReduce(new Float32Array(4));
