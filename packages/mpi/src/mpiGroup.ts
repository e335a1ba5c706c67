import { writeSync } from "node:fs";
import type { Exchanged, ProcessGroup } from "vector-quantize/train";
import type { CollectiveName } from "./collectives.ts";
import { endWith } from "./ending.ts";
import { endLauncherSoon } from "./launcher.ts";
import { type Handle, loadLibrary, type MpiLibrary } from "./library.ts";
import { type CallArgument, startThread } from "./mpiThread.ts";
import { rollCall } from "./rollCall.ts";

/** Options of `mpiGroup`. */
export interface MpiOptions {
  /**
   * Seconds after which a process that waits in a collective call says which and for whom, and ends the
   * job. Longer than any pause of one process between two calls. Default 600.
   */
  readonly timeout?: number;
}

/** MPI_THREAD_MULTIPLE: several threads may call at once. */
const MULTIPLE = 3;

let made: Promise<ProcessGroup> | undefined;

/**
 * The processes that `mpirun` started, by Open MPI 4 or 5, or MPICH and its like, found when it is called.
 * A process that was started by itself is a group of one.
 *
 * ```ts
 * const group = await mpiGroup({ timeout: 120 });
 * const trainer = createTrainer(model, { optimizer: adamw(1e-3), group });
 * ```
 *
 * Calls run on another thread, one after another, and wait there asleep; this one goes on meanwhile. A process that ends with an
 * error, or leaves by `process.exit` before the others do, ends the job. All end together when they have nothing
 * left to do.
 *
 * @throws Error with a line that installs one, if there is no MPI library; for a timeout that is no number
 *   above 0
 */
export function mpiGroup(options: MpiOptions = {}): Promise<ProcessGroup> {
  const { timeout = 600 } = options;
  if (!(typeof timeout === "number" && timeout > 0)) {
    throw new Error(`mpiGroup: timeout: expected seconds above 0, got ${timeout}`);
  }
  made ??= start(timeout); // MPI starts once in a process
  return made;
}

/** Milliseconds between a process's last words and the end of all. */
const TIME_TO_SPEAK = 100;

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

async function start(timeout: number): Promise<ProcessGroup> {
  process.env.OMPI_MCA_mpi_yield_when_idle ??= "1"; // there may be as many processes as cores
  // UCX, which MPICH's Debian package uses, else writes its hooks over the C library's code while Node's other
  // threads run it: one start in 30 ended by a segmentation fault.
  process.env.UCX_MEM_EVENTS ??= "n";
  const library = loadLibrary();
  const init = library.call("MPI_Init_thread", ["void *", "void *", "int", "void *"]);
  const granted = new Int32Array(1);
  if (init(null, null, MULTIPLE, granted) !== 0) throw new Error("mpiGroup: MPI could not start");
  if ((granted[0] as number) < MULTIPLE) {
    throw new Error(
      `mpiGroup: expected ${library.name} to allow calls on several threads, got it built without`,
    );
  }
  return groupOf(library, timeout);
}

function groupOf(library: MpiLibrary, timeout: number): ProcessGroup {
  const errorString = library.call("MPI_Error_string", ["int", "void *", "void *"]);
  const check = (what: string, code: number) => {
    if (code === 0) return;
    const [words, length] = [new Uint8Array(1024), new Int32Array(1)];
    errorString(code, words, length);
    const text = new TextDecoder().decode(words.subarray(0, length[0]));
    throw new Error(`process ${rank} of ${size}: ${what}: ${text}`);
  };
  const number = (name: string) => {
    const out = new Int32Array(1);
    library.call(name, ["H", "void *"])(library.world, out);
    return out[0] as number;
  };
  const [rank, size] = [number("MPI_Comm_rank"), number("MPI_Comm_size")];
  /** A communicator of its own, whose errors are told by codes. */
  const communicator = (): Handle => {
    const { room, read } = library.handleRoom();
    check("MPI_Comm_dup", library.call("MPI_Comm_dup", ["H", "void *"])(library.world, room));
    library.call("MPI_Comm_set_errhandler", ["H", "H"])(read(), library.errorsReturn);
    return read();
  };
  const [comm, aside, last] = [communicator(), communicator(), communicator()];
  const thread = startThread();
  const waiting = rollCall(library, aside, { rank, size });
  const abortAll = library.call("MPI_Abort", ["H", "int"]);
  const abort = (reason: string): void => {
    writeSync(2, `process ${rank} of ${size}: ${reason}\n`);
    pause(TIME_TO_SPEAK); // a launcher may end all before it has passed the words on: MPICH's did once
    abortAll(library.world, 1);
  };

  let calls = 0;
  /** Runs a call after those before it, for as long as it may take. */
  async function collective(
    name: string,
    call: CollectiveName,
    args: readonly CallArgument[],
  ): Promise<void> {
    const at = ++calls;
    const half = setTimeout(() => waiting.tell(at), 500 * timeout);
    const end = setTimeout(() => {
      const missing = waiting.missing(at);
      const whom = missing.length === 0 ? "the network" : `process ${missing.join(", ")}`;
      endLauncherSoon(); // it may never hear of what the network is to blame for
      abort(`waited ${timeout} s for ${whom} in ${name}, its collective call ${at}. The job ends`);
    }, 1000 * timeout);
    try {
      check(name, await thread.run(call, args));
    } finally {
      clearTimeout(half);
      clearTimeout(end);
    }
  }

  const typeOf = (values: Exchanged) => {
    const name = Object.prototype.toString.call(values).slice(8, -1);
    const type = library.types[name as keyof typeof library.types];
    if (type === undefined)
      throw new Error(`mpiGroup: expected numbers in a typed array, got ${name}`);
    return type;
  };

  async function allGather<Part extends Exchanged>(
    part: Part,
    lengths?: readonly number[],
    room?: Part,
  ): Promise<Part> {
    const counts = lengths
      ? Int32Array.from(lengths)
      : await allGather(Int32Array.of(part.length), Array(size).fill(1));
    const starts = new Int32Array(size);
    for (let r = 1; r < size; r++)
      starts[r] = (starts[r - 1] as number) + (counts[r - 1] as number);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const made = () => new (part.constructor as new (length: number) => Part)(total);
    const all = room?.length === total ? room : made();
    const type = typeOf(part);
    await collective("allGather", "MPI_Allgatherv", [
      part,
      part.length,
      type,
      all,
      counts,
      starts,
      type,
      comm,
    ]);
    return all;
  }

  const group: ProcessGroup = {
    rank,
    size,
    allReduce: (values) =>
      collective("allReduce", "MPI_Allreduce", [
        ...[library.inPlace, values, values.length],
        ...[typeOf(values), library.sum, comm],
      ]),
    broadcast: (values, root) =>
      collective("broadcast", "MPI_Bcast", [values, values.length, typeOf(values), root, comm]),
    allGather,
    barrier: () => collective("barrier", "MPI_Barrier", [comm]),
    abort,
  };
  endWith({
    abort,
    leave: () => collective("the end, in which all leave", "MPI_Barrier", [last]),
    finalize: () => void library.call("MPI_Finalize", [])(),
  });
  return group;
}
