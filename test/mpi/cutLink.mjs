// Exchanges numbers without end, so that somebody can cut the link.
import { mpiGroup } from "vector-quantize-mpi";

const group = await mpiGroup({ timeout: 5 });
for (let round = 0; ; round++) {
  await group.allReduce(new Float32Array(1e5));
  if (round === 20 && group.rank === 0) console.log("connected");
  await new Promise((resolve) => setTimeout(resolve, 10));
}
