// Two seconds in which all wait for process 1. The others print how often that one of their other threads was running,
// or would have on an idle machine, that did so most.
import { readdirSync, readFileSync } from "node:fs";
import { mpiGroup } from "vector-quantize-mpi";

const group = await mpiGroup({ timeout: 30 });
await group.barrier();
const tasks = "/proc/self/task";
const running = (thread) => /\) R /.test(readFileSync(`${tasks}/${thread}/stat`, "utf8"));
const seen = new Map();
let looks = 0;
const timer = setInterval(() => {
  looks++;
  for (const thread of readdirSync(tasks)) {
    if (Number(thread) === process.pid || !running(thread)) continue;
    seen.set(thread, (seen.get(thread) ?? 0) + 1);
  }
}, 20);
if (group.rank === 1) await new Promise((resolve) => setTimeout(resolve, 2000));
await group.allReduce(new Float32Array(4));
clearInterval(timer);
const share = Math.max(0, ...seen.values()) / looks;
if (group.rank !== 1) process.stdout.write(`${JSON.stringify({ share })}\n`);
