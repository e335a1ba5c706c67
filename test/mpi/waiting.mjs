// Two seconds in which all wait for process 1. The others print how often another of their threads was running, or
// would have on an idle machine.
import { readdirSync, readFileSync } from "node:fs";
import { mpiGroup } from "vector-quantize-mpi";

const group = await mpiGroup({ timeout: 30 });
await group.barrier();
const tasks = "/proc/self/task";
const running = (thread) => /\) R /.test(readFileSync(`${tasks}/${thread}/stat`, "utf8"));
const looks = [];
const timer = setInterval(() => {
  const others = readdirSync(tasks).filter((thread) => Number(thread) !== process.pid);
  looks.push(others.some(running));
}, 20);
if (group.rank === 1) await new Promise((resolve) => setTimeout(resolve, 2000));
await group.allReduce(new Float32Array(4));
clearInterval(timer);
const share = looks.filter(Boolean).length / looks.length;
if (group.rank !== 1) process.stdout.write(`${JSON.stringify({ share })}\n`);
