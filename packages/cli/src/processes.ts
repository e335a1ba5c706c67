/** Processes that a launcher of MPI has started to do one command together. */
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { setTimeout } from "node:timers/promises";
import type { ProcessGroup } from "vector-quantize/train";
import { Failure, UsageFailure } from "./failure.ts";
import type { Console } from "./output/console.ts";

/** Commands that several processes do together. */
const shared = ["train", "encode"];

/** Throws if a launcher started several processes for a command that is one process's. */
export function checkShared(command: string): void {
  const { OMPI_COMM_WORLD_SIZE, PMI_SIZE } = process.env;
  const size = Number(OMPI_COMM_WORLD_SIZE ?? PMI_SIZE ?? 1);
  if (size === 1 || shared.includes(command)) return;
  throw new UsageFailure(
    `vq ${command}: expected one process, got ${size} by mpirun. Several do ${shared.join(" and ")}`,
  );
}

/** Milliseconds that the other processes leave the first one to tell what went wrong. */
const HEAD_START = 2000;

/**
 * Waits before telling of a failure, if this is not the first of several processes. What all meet is told once so:
 * a launcher ends all when the first one has failed.
 */
export async function afterFirst(): Promise<void> {
  const { OMPI_COMM_WORLD_RANK, PMI_RANK, PMIX_RANK } = process.env;
  const rank = Number(OMPI_COMM_WORLD_RANK ?? PMI_RANK ?? PMIX_RANK ?? 0);
  if (rank > 0) await setTimeout(HEAD_START);
}

/** Seconds between the signs of life of a process that others wait for. */
const pulse = 20;

/** How `mpirun` and its like started this process; undefined if they did not. */
async function launch() {
  // Of what is loaded at every start, no more than a look at the environment.
  const { OMPI_COMM_WORLD_SIZE, PMI_SIZE, PMIX_RANK } = process.env;
  if ((OMPI_COMM_WORLD_SIZE ?? PMI_SIZE ?? PMIX_RANK) === undefined) return undefined;
  return (await mpi()).launched();
}

async function mpi() {
  try {
    return await import("vector-quantize-mpi");
  } catch {
    throw new Failure(
      "started by mpirun: expected the package vector-quantize-mpi, got none. npm install vector-quantize-mpi",
    );
  }
}

/** The threads of this process: its share of the cores where several are on this machine. */
export async function ownThreads(): Promise<number | undefined> {
  const started = await launch();
  if (!started || started.local === 1) return undefined;
  return Math.max(1, Math.floor(availableParallelism() / started.local));
}

/** The processes that do this command together; this one alone where no launcher started it. */
export async function processGroup(): Promise<ProcessGroup> {
  const { solo } = await import("vector-quantize/train");
  const started = await launch();
  return started && started.size > 1 ? (await mpi()).mpiGroup() : solo();
}

/** The console of one of several processes: the first one speaks for all. */
export function ownConsole(console: Console, { rank }: ProcessGroup): Console {
  if (rank === 0) return console;
  return { json: true, live: false, say() {}, note() {}, record() {} };
}

/** Whether any of the processes wishes it: the same answer for all. */
export async function anyOf(group: ProcessGroup, wish: boolean): Promise<boolean> {
  const wishes = Int32Array.of(wish ? 1 : 0);
  await group.allReduce(wishes);
  return wishes[0] !== 0;
}

/** Throws, in all alike, where `text` is another one in some process than in the first: `what` calls it. */
export async function checkSame(group: ProcessGroup, what: string, text: string): Promise<void> {
  const own = new Uint8Array(createHash("sha256").update(text).digest());
  const all = await group.allGather(own, Array(group.size).fill(own.length));
  for (let rank = 1; rank < group.size; rank++) {
    const other = all.subarray(rank * own.length, (rank + 1) * own.length);
    if (other.every((byte, i) => byte === all[i])) continue;
    throw new Failure(
      `${what}: expected the same in all processes, got others in process ${rank} than in process 0`,
    );
  }
}

/** What the first process found, for all. */
export async function fromFirst(group: ProcessGroup, value: number): Promise<number> {
  const found = Float64Array.of(value);
  await group.broadcast(found, 0);
  return found[0] as number;
}

/**
 * Work of the first process alone. The others wait however long it takes, and see by signs of life that it is
 * not lost.
 */
export async function onFirst<T>(
  group: ProcessGroup,
  work: () => Promise<T>,
): Promise<T | undefined> {
  if (group.size === 1) return work();
  const done = new Uint8Array(1);
  if (group.rank > 0) {
    while (done[0] === 0) await group.broadcast(done, 0);
    return undefined;
  }
  let beat: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    beat = beat.then(() => group.broadcast(Uint8Array.of(0), 0));
  }, 1000 * pulse);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await beat;
    await group.broadcast(Uint8Array.of(1), 0);
  }
}
