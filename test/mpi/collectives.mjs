// Every collective call, by as many processes as there are. Prints one line of JSON.
import { mpiGroup } from "vector-quantize-mpi";

const group = await mpiGroup({ timeout: 60 });
const { rank, size } = group;
const found = { rank, size };
const sums = Float32Array.of(rank, 1, rank * 0.5);
const integers = Int32Array.of(rank + 1);
const doubles = new Float64Array(100_000).fill(rank + 1e-9);
// Begun at once: they are taken one after another.
await Promise.all([group.allReduce(sums), group.allReduce(integers), group.allReduce(doubles)]);
found.sums = [...sums];
found.integers = [...integers];
found.doubles = [doubles[0], doubles.at(-1)];
const sent = Uint8Array.of(10 + rank, 20 + rank);
await group.broadcast(sent, size - 1);
found.sent = [...sent];
found.gathered = [...(await group.allGather(new Int32Array(rank).fill(rank)))];
found.known = [...(await group.allGather(Float32Array.of(rank), Array(size).fill(1)))];
const room = new Float32Array(size);
found.roomed = [
  (await group.allGather(Float32Array.of(rank), Array(size).fill(1), room)) === room,
  ...room,
];
let ticks = 0;
const began = process.cpuUsage();
const timer = setInterval(() => ticks++, 5);
if (rank === 0) await new Promise((resolve) => setTimeout(resolve, 400));
await group.barrier();
clearInterval(timer);
found.ticked = rank === 0 || ticks > 2; // whoever waits goes on meanwhile
const { user, system } = process.cpuUsage(began);
found.slept = rank === 0 || user + system < 200_000; // of 400,000 µs that it waits for rank 0
console.log(JSON.stringify(found));
