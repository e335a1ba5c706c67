/**
 * How a job passes from the host, the thread that calls `Pool.run`, to the workers and back.
 *
 * A control block at the start of the shared memory holds one job and two counters, which tell its
 * state: LEFT, the chunks that nobody has taken, and PENDING, those whose rows are not done.
 *
 * | state  | LEFT | PENDING | who may write what                                                  |
 * | ------ | ---- | ------- | ------------------------------------------------------------------- |
 * | closed | <= 0 | 0       | the host everything; a worker takes from LEFT, in vain              |
 * | open   | any  | > 0     | the host READY; a holder of a chunk COUNT and FAILED; all take from |
 * |        |      |         | LEFT; a holder takes from PENDING, once                             |
 *
 * - closed to open (`open`): the host writes the job, then PENDING, then LEFT.
 * - A thread takes 1 from LEFT in one atomic step. What was there, if above 0, is its chunk, counted
 *   from the last one. Only then does it read the job, which stands still while the chunk is pending.
 *   Nothing that it read before counts: a worker that wakes late gets a chunk of the job that is open
 *   now, or none. So there is no number of a job that could come round again.
 * - A holder that lacks the job's kernel keeps its chunk and fetches the kernel first: its message
 *   was sent before the job was opened.
 * - open to closed: taking 1 from PENDING is the last thing that a holder does for a chunk. Whoever
 *   takes the last one wakes the host, or sends it a message where it may not sleep.
 *
 * `handOver.test.ts` walks every interleaving of these steps. Every access of the counters and of the
 * job's integers is atomic; the numbers of the job (`values`) are written while it is closed and read
 * by holders alone.
 */

// Places in the control block, as int32.
/** Counts up when there may be something to do; workers sleep on it. */
export const WAKE = 0;
export const LEFT = 1;
export const PENDING = 2;
export const CHUNKS = 3;
export const FUNCTION = 4;
export const ROWS = 5;
export const CHUNK_ROWS = 6;
/** Rows that `fill` has brought in; holders of later ones sleep on it. */
export const READY = 7;
export const COUNT = 8;
export const FAILED = 9;
/** Modules whose messages have been sent to all workers. */
export const MODULES = 10;
export const ARGUMENTS = 11;
/** Byte offset of `values`: scratch memory, its size per thread, the kernel's arguments. */
export const VALUES = 256;
const FIRST_ARGUMENT = 2;

/** A job as the workers read it. */
export interface OpenJob {
  /** The kernel's place in every thread's table. */
  readonly kernel: number;
  readonly rows: number;
  readonly chunkRows: number;
  /** Rows that are in memory already. */
  readonly ready: number;
  /** Address of the scratch memory of thread 0, and the bytes of each thread. */
  readonly scratch: number;
  readonly scratchStep: number;
  readonly args: readonly number[];
}

/** Runs the kernel over the rows from `begin` to `end`. */
type Call = (begin: number, end: number) => number;

/** The host's side. */
export class HandOver {
  protected readonly control: Int32Array;
  readonly #values: Float64Array;

  readonly #looks: number;

  /** Before it sleeps, the host looks `looks` times whether it needs to. */
  constructor(control: Int32Array, values: Float64Array, looks = 0) {
    this.control = control;
    this.#values = values;
    this.#looks = looks;
  }

  /** Hands out a job; the one before must have been closed. */
  open(job: OpenJob): void {
    this.writeJob(job);
    const chunks = Math.ceil(job.rows / job.chunkRows);
    Atomics.store(this.control, PENDING, chunks);
    Atomics.store(this.control, LEFT, chunks);
    this.wake();
  }

  protected writeJob({
    kernel,
    rows,
    chunkRows,
    ready,
    scratch,
    scratchStep,
    args,
  }: OpenJob): void {
    const { control } = this;
    Atomics.store(control, CHUNKS, Math.ceil(rows / chunkRows));
    Atomics.store(control, FUNCTION, kernel);
    Atomics.store(control, ROWS, rows);
    Atomics.store(control, CHUNK_ROWS, chunkRows);
    Atomics.store(control, READY, ready);
    Atomics.store(control, COUNT, 0);
    Atomics.store(control, FAILED, 0);
    Atomics.store(control, ARGUMENTS, args.length);
    this.#values[0] = scratch;
    this.#values[1] = scratchStep;
    for (const [i, value] of args.entries()) this.#values[FIRST_ARGUMENT + i] = value;
  }

  /** The rows before `end` are in memory. */
  bringIn(end: number): void {
    Atomics.store(this.control, READY, end);
    Atomics.notify(this.control, READY);
  }

  /** The host's share of the chunks. All rows must have been brought in. */
  takePart({ rows, chunkRows }: OpenJob, call: Call): void {
    const { control } = this;
    const chunks = Math.ceil(rows / chunkRows);
    for (let left = this.take(); left > 0; left = this.take()) {
      const begin = (chunks - left) * chunkRows;
      try {
        Atomics.add(control, COUNT, call(begin, Math.min(rows, begin + chunkRows)));
      } catch {
        Atomics.store(control, FAILED, 1); // told when no other thread is in the job
      }
      Atomics.sub(control, PENDING, 1);
    }
  }

  /** A chunk of the open job, counted from the last one; 0 or less: there is none. */
  protected take(): number {
    return Atomics.sub(this.control, LEFT, 1);
  }

  /** Sleeps until the job is closed. */
  waitForWorkers(): void {
    const { control } = this;
    for (let look = 0; look < this.#looks; look++) {
      if (Atomics.load(control, PENDING) === 0) return;
    }
    for (let left = Atomics.load(control, PENDING); left > 0; ) {
      Atomics.wait(control, PENDING, left);
      left = Atomics.load(control, PENDING);
    }
  }

  /** The sum of what the kernel gave, or undefined if it trapped; once the job is closed. */
  result(): number | undefined {
    if (Atomics.load(this.control, FAILED) !== 0) return undefined;
    return Atomics.load(this.control, COUNT);
  }

  /** Sends the workers to their event loops, where messages with all modules so far are. */
  announce(modules: number): void {
    Atomics.store(this.control, MODULES, modules);
    this.wake();
  }

  protected wake(): void {
    Atomics.add(this.control, WAKE, 1);
    Atomics.notify(this.control, WAKE);
  }
}

/** What a worker says: that it runs, and that the job is closed. */
export type WorkerMessage = "up" | "closed";

/**
 * A worker's side: JavaScript without imports, so that it starts from a text in Node and in
 * browsers alike, whatever a bundler does to the sources.
 */
export const workerSource = /* js */ `
"use strict";
const port = typeof require === "function" ? require("worker_threads").parentPort : self;
const kernels = [];
let control, values, memory, thread, announces;
let modules = 0;
let looks = 0;
let held = 0; // the chunk that this thread has taken, counted from the last one; 0: none

function receive(message) {
  if (message.memory) {
    ({ memory, thread, announces, looks = 0 } = message);
    control = new Int32Array(memory.buffer, 0, ${VALUES / 4});
    values = new Float64Array(memory.buffer, ${VALUES}, 64);
    port.postMessage("up");
  }
  for (const { module, names } of message.modules) {
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    for (const name of names) kernels.push(exports[name]);
    modules++;
  }
  serve();
}

// Sleeps until there is work; returns to the event loop only to receive new modules.
function serve() {
  for (;;) {
    const wake = Atomics.load(control, ${WAKE});
    if (Atomics.load(control, ${MODULES}) > modules) return;
    work();
    let look = looks;
    while (look > 0 && Atomics.load(control, ${WAKE}) === wake) look--;
    if (look === 0) Atomics.wait(control, ${WAKE}, wake);
  }
}

// Until no chunk is left, or one is held whose kernel is in a message: WAKE has moved on with it.
function work() {
  for (;;) {
    if (held === 0) held = Math.max(0, take());
    if (held === 0) return;
    const kernel = kernels[Atomics.load(control, ${FUNCTION})];
    if (kernel === undefined) return;
    const chunkRows = Atomics.load(control, ${CHUNK_ROWS});
    const begin = (Atomics.load(control, ${CHUNKS}) - held) * chunkRows;
    const end = Math.min(Atomics.load(control, ${ROWS}), begin + chunkRows);
    for (let ready; (ready = Atomics.load(control, ${READY})) < end; ) {
      Atomics.wait(control, ${READY}, ready);
    }
    try {
      const given = [begin, end, values[0] + values[1] * thread];
      for (let i = 0, n = Atomics.load(control, ${ARGUMENTS}); i < n; i++) {
        given.push(values[${FIRST_ARGUMENT} + i]);
      }
      Atomics.add(control, ${COUNT}, kernel(...given));
    } catch (error) {
      Atomics.store(control, ${FAILED}, 1);
    }
    held = 0;
    if (Atomics.sub(control, ${PENDING}, 1) === 1) {
      Atomics.notify(control, ${PENDING});
      if (announces) port.postMessage("closed");
    }
  }
}

function take() {
  return Atomics.sub(control, ${LEFT}, 1);
}

if (port === globalThis.self) port.onmessage = (event) => receive(event.data);
else port.on("message", receive);
`;
