/**
 * What the thread of `mpiThread.ts` runs: collective calls, before each of which it waits asleep until all
 * processes are there.
 *
 * MPI itself waits awake: it would take a core, or half of one that computes, from the first process's coming to
 * the last one's. The call itself then takes as long as its bytes.
 */
import { parentPort } from "node:worker_threads";
import { collectivesOf } from "./collectives.ts";
import { type Handle, loadLibrary } from "./library.ts";

const library = loadLibrary(); // the one of the process
const calls = collectivesOf(library);
const arrive = library.call("MPI_Ibarrier", ["H", "void *"]);
const test = library.call("MPI_Test", ["void *", "void *", "void *"]);

/** Looks before it first sleeps: all may be there. */
const LOOKS = 20;
/** Shortest and longest sleep (ms). In between a fiftieth of the time waited, which it adds to that at most. */
const [SHORTEST, LONGEST] = [0.05, 1];
const asleep = new Int32Array(new SharedArrayBuffer(4));

/** Waits until every process of a communicator has come here; gives MPI's code. */
function waitForAll(communicator: Handle): number {
  const { room } = library.handleRoom(); // of the request
  const flag = new Int32Array(1);
  const failed = arrive(communicator, room);
  if (failed !== 0) return failed;
  const began = performance.now();
  for (let look = 1; ; look++) {
    const code = test(room, flag, library.ignoreStatus);
    if (code !== 0 || flag[0] !== 0) return code;
    if (look < LOOKS) continue;
    const sleep = (performance.now() - began) / 50;
    Atomics.wait(asleep, 0, 0, Math.min(Math.max(sleep, SHORTEST), LONGEST));
  }
}

parentPort?.on("message", ({ name, args }: { name: keyof typeof calls; args: Handle[] }) => {
  const code = waitForAll(args.at(-1) as Handle) || calls[name](...args);
  parentPort?.postMessage(code);
});
