import { VectorQuantizeError } from "../errors.ts";
import { compileKernel, type KernelBinary, type KernelForm, supports } from "./binary.ts";
import { KernelMemory } from "./memory.ts";
import type { Platform, WorkerHandle } from "./platform.ts";
import type { Job, Kernel, Pool } from "./pool.ts";
import { workerSource } from "./workerSource.ts";

// Places in the control block, as int32. `workerSource.ts` uses the same numbers.
const WAKE = 0;
const NEXT = 1;
const DONE = 2;
const TOTAL = 3;
const FUNCTION = 4;
const ROWS = 5;
const CHUNK_ROWS = 6;
const READY = 7;
const COUNT = 8;
const FAILED = 9;
const MODULES = 10;
const ARGUMENTS = 11;
const JOB = 12;
/** Byte offset of float64 values: address of the scratch memory, its size per thread, arguments. */
const VALUES = 256;

const MAX_CHUNKS = 0xfffff;
/** Below this many operations a fork and join costs more than it saves. */
const SMALL_WORK = 1e7;
/** Milliseconds for which a page may stand still. */
const LONGEST_BLOCK = 50;
/** `fill` is called for about this many parts of a job. */
const FILL_PARTS = 32;

/** The pool; `pool.ts` says how it works. */
export class WorkerPool implements Pool {
  readonly memory: KernelMemory;
  readonly threads: number;
  readonly form: KernelForm = supports("relaxed") ? "relaxed" : "plain";
  readonly compilesOptimized: boolean;
  readonly #platform: Platform;
  readonly #control: Int32Array;
  readonly #values: Float64Array;
  readonly #loaded = new Map<string, Promise<Record<string, Kernel>>>();
  /** The modules of all kernels in the order of their loading, for workers that start later. */
  readonly #modules: { module: WebAssembly.Module; names: readonly string[] }[] = [];
  disposed = false;
  #kernels = 0;
  #workers: WorkerHandle[] = [];
  #failure: Error | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #scratch = { start: 0, bytes: 0 };
  #onFinish: () => void = () => {};

  constructor(platform: Platform, threads: number) {
    this.#platform = platform;
    this.threads = threads;
    this.compilesOptimized = platform.compilesOptimized;
    this.memory = new KernelMemory(platform.sharesMemory);
    // Growth detaches memory that is not shared, but then no worker reads the control block.
    const buffer = platform.sharesMemory ? this.memory.memory.buffer : new ArrayBuffer(1024);
    this.#control = new Int32Array(buffer, 0, VALUES / 4);
    this.#values = new Float64Array(buffer, VALUES, 64);
  }

  load<Name extends string>(binary: KernelBinary<Name>, form: KernelForm) {
    const key = `${binary.name} ${form}`;
    let kernels = this.#loaded.get(key);
    if (kernels === undefined) {
      kernels = this.#load(binary, form);
      this.#loaded.set(key, kernels);
    }
    return kernels as Promise<Record<Name, Kernel>>;
  }

  async #load(binary: KernelBinary, form: KernelForm): Promise<Record<string, Kernel>> {
    const module = await compileKernel(binary, form, this.#platform.sharesMemory, this.#platform);
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.memory.memory } });
    const names = binary.functions;
    const kernels: Record<string, Kernel> = {};
    for (const name of names) {
      kernels[name] = { id: this.#kernels++, call: exports[name] as Kernel["call"] };
    }
    this.#modules.push({ module, names });
    for (const worker of this.#workers) worker.postMessage({ modules: [{ module, names }] });
    Atomics.store(this.#control, MODULES, this.#modules.length);
    this.#wake(); // sends the workers to their event loop, where the message is
    return kernels;
  }

  exclusive<T>(task: () => T | Promise<T>): Promise<T> {
    const result = this.#tail.then(() => {
      if (this.#failure !== undefined) throw this.#failure;
      return task();
    });
    this.#tail = result.catch(() => {});
    return result;
  }

  async run(kernel: Kernel, job: Job): Promise<number> {
    const { rows, args, fill } = job;
    if (this.#failure !== undefined) throw this.#failure;
    if (rows === 0) return 0;
    const alone = this.threads === 1 || job.work < SMALL_WORK || rows <= job.chunkRows;
    const scratch = this.#scratchFor(job.scratch ?? 0, alone ? 1 : this.threads);
    if (alone) {
      fill?.(0, rows);
      return this.#runAlone(kernel, job, scratch);
    }
    this.#start();
    const chunkRows = Math.max(job.chunkRows, Math.ceil(rows / MAX_CHUNKS));
    const control = this.#control;
    const total = Math.ceil(rows / chunkRows);
    const number = Atomics.load(control, JOB) + 1;
    const first = (number & 0xfff) << 20;
    control[DONE] = 0;
    control[TOTAL] = total;
    control[FUNCTION] = kernel.id;
    control[ROWS] = rows;
    control[CHUNK_ROWS] = chunkRows;
    control[READY] = fill === undefined ? rows : 0;
    control[COUNT] = 0;
    control[FAILED] = 0;
    control[ARGUMENTS] = args.length;
    this.#values[0] = scratch;
    this.#values[1] = this.#scratch.bytes / this.threads;
    this.#values.set(args, 2);
    Atomics.store(control, NEXT, first);
    Atomics.store(control, JOB, number);
    const finished = this.#platform.mayBlock
      ? undefined
      : new Promise<void>((resolve) => {
          this.#onFinish = resolve;
        });
    this.#wake();
    const refused = fill === undefined ? undefined : this.#fill(fill, rows, chunkRows);
    if (finished !== undefined) await finished;
    else this.#takePart(kernel, scratch, args, total, first);
    if (refused !== undefined) throw refused.error;
    if (this.#failure !== undefined) throw this.#failure;
    if (Atomics.load(control, FAILED) !== 0) {
      throw new Error("kernels: a kernel trapped: it was given a wrong pointer or size");
    }
    return Atomics.load(control, COUNT);
  }

  /** Chunk by chunk, so that an engine can swap in optimised code, and a page is not blocked. */
  async #runAlone(kernel: Kernel, { rows, chunkRows, args }: Job, scratch: number) {
    let count = 0;
    let resumed = performance.now();
    for (let begin = 0; begin < rows; begin += chunkRows) {
      count += kernel.call(begin, Math.min(rows, begin + chunkRows), scratch, ...args);
      if (!this.#platform.mayBlock && performance.now() - resumed > LONGEST_BLOCK) {
        await new Promise((resolve) => setTimeout(resolve));
        resumed = performance.now();
      }
    }
    return count;
  }

  dispose(): void {
    this.disposed = true;
    for (const worker of this.#workers) worker.terminate();
    this.#workers = [];
    this.#fail("the pool has been disposed of");
  }

  /** Ends the job under way, if the calling thread only waits for it, and all that follow. */
  #fail(what: string): void {
    this.#failure ??= new VectorQuantizeError(`kernels: ${what}`);
    this.#onFinish();
  }

  #wake(): void {
    Atomics.add(this.#control, WAKE, 1);
    Atomics.notify(this.#control, WAKE);
  }

  /** An error of `fill` comes back as it is: threads that wait for rows must not wait forever. */
  #fill(
    fill: (begin: number, end: number) => void,
    rows: number,
    chunkRows: number,
  ): { error: unknown } | undefined {
    const control = this.#control;
    const part = Math.max(chunkRows, Math.ceil(rows / FILL_PARTS));
    let refused: { error: unknown } | undefined;
    for (let begin = 0; begin < rows && refused === undefined; begin += part) {
      const end = Math.min(rows, begin + part);
      try {
        fill(begin, end);
      } catch (error) {
        refused = { error };
      }
      Atomics.store(control, READY, refused === undefined ? end : rows);
      Atomics.notify(control, READY);
    }
    return refused;
  }

  /** The calling thread's share of the chunks, from `first` on; then blocks until all are done. */
  #takePart(
    kernel: Kernel,
    scratch: number,
    args: readonly number[],
    total: number,
    first: number,
  ): void {
    const control = this.#control;
    const rows = control[ROWS] as number;
    const chunkRows = control[CHUNK_ROWS] as number;
    for (;;) {
      const next = Atomics.load(control, NEXT);
      const chunk = next - first;
      if (chunk >= total) break;
      if (Atomics.compareExchange(control, NEXT, next, next + 1) !== next) continue;
      const begin = chunk * chunkRows;
      const end = Math.min(rows, begin + chunkRows);
      try {
        Atomics.add(control, COUNT, kernel.call(begin, end, scratch, ...args));
      } catch {
        Atomics.store(control, FAILED, 1); // thrown below, when no other thread is in the job
      }
      Atomics.add(control, DONE, 1);
    }
    for (;;) {
      const done = Atomics.load(control, DONE);
      if (done >= total) return;
      Atomics.wait(control, DONE, done);
    }
  }

  /** Address of the scratch memory of thread 0; that of thread t follows at a fixed step. */
  #scratchFor(bytes: number, threads: number): number {
    const each = Math.ceil(bytes / 128) * 128;
    if (each * threads > this.#scratch.bytes || this.#scratch.bytes === 0) {
      if (this.#scratch.start !== 0) this.memory.free(this.#scratch.start);
      const size = Math.max(128, each) * this.threads;
      this.#scratch = { start: this.memory.allocate(size), bytes: size };
    }
    return this.#scratch.start;
  }

  #start(): void {
    // On a page the main thread only waits, so every thread is a worker.
    const wanted = this.#platform.mayBlock ? this.threads - 1 : this.threads;
    const first = this.#platform.mayBlock ? 1 : 0;
    while (this.#workers.length < wanted) {
      const worker = this.#platform.spawn(workerSource);
      worker.listen(
        () => this.#onFinish(),
        (error) =>
          this.#fail(
            `a worker failed: ${error.message}. \`createPool({ threads: 1 })\` does without workers`,
          ),
      );
      worker.postMessage({
        memory: this.memory.memory,
        thread: first + this.#workers.length,
        announces: !this.#platform.mayBlock,
        modules: this.#modules,
      });
      this.#workers.push(worker);
    }
  }
}
