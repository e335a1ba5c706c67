import { VectorQuantizeError } from "../../errors.ts";
import { HandOver, type OpenJob, VALUES } from "./handOver.ts";
import { compileModule, type KernelForm, type KernelModule, supports } from "./kernelModule.ts";
import { KernelMemory, type Scope } from "./memory.ts";
import type { Platform } from "./platform.ts";
import type { Job, Kernel, Pool } from "./pool.ts";
import { Workers } from "./workers.ts";

/** Below this many operations a fork and join costs more than it saves. */
const SMALL_WORK = 4e6;
/**
 * How often a thread looks for what it waits for before it sleeps: some 30 microseconds, so that of jobs that
 * come one close after another none waits for a thread to wake.
 */
const LOOKS = 20_000;
/** Milliseconds for which a page may stand still. */
const LONGEST_BLOCK = 50;
/** `fill` is called for about this many parts of a job. */
const FILL_PARTS = 32;

/** The pool; `pool.ts` says how it works, `handOver.ts` how threads share a job. */
export class WorkerPool implements Pool {
  readonly memory: KernelMemory;
  threads: number;
  readonly form: KernelForm = supports("relaxed") ? "relaxed" : "plain";
  readonly compilesOptimized: boolean;
  readonly #platform: Platform;
  readonly #handOver: HandOver;
  readonly #loaded: Record<KernelForm, Map<KernelModule, Promise<Record<string, Kernel>>>> = {
    relaxed: new Map(),
    plain: new Map(),
  };
  /** The modules of all kernels in the order of their loading, for workers that start later. */
  readonly #modules: { module: WebAssembly.Module; names: readonly string[] }[] = [];
  disposed = false;
  #kernels = 0;
  /** Undefined until a job is worth them. */
  #workers: Workers | undefined;
  #failure: Error | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #scratch = { start: 0, each: 0, threads: 0 };
  #onClosed: () => void = () => {};

  constructor(platform: Platform, threads: number) {
    this.#platform = platform;
    this.threads = threads;
    this.compilesOptimized = platform.compilesOptimized;
    this.memory = new KernelMemory(platform.sharesMemory);
    // Growth detaches memory that is not shared, but then no worker reads the control block.
    const buffer = platform.sharesMemory ? this.memory.memory.buffer : new ArrayBuffer(1024);
    this.#handOver = new HandOver(
      new Int32Array(buffer, 0, VALUES / 4),
      new Float64Array(buffer, VALUES, 64),
      LOOKS,
    );
  }

  load<Name extends string>(module: KernelModule<Name>, form: KernelForm) {
    const loaded = this.#loaded[form];
    let kernels = loaded.get(module);
    if (kernels === undefined) {
      kernels = this.#load(module, form);
      loaded.set(module, kernels);
    }
    return kernels as Promise<Record<Name, Kernel>>;
  }

  async #load(source: KernelModule, form: KernelForm): Promise<Record<string, Kernel>> {
    const module = await compileModule(source, form, this.#platform.sharesMemory, this.#platform);
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.memory.memory } });
    const names = source.functions;
    const kernels: Record<string, Kernel> = {};
    for (const name of names) {
      kernels[name] = { id: this.#kernels++, call: exports[name] as Kernel["call"] };
    }
    this.#modules.push({ module, names });
    this.#workers?.post({ modules: [{ module, names }] });
    this.#handOver.announce(this.#modules.length);
    return kernels;
  }

  exclusive<T>(task: (scope: Scope) => T | Promise<T>): Promise<T> {
    const result = this.#runAfter(this.#tail, task);
    this.#tail = result.catch(() => {});
    return result;
  }

  async #runAfter<T>(before: Promise<unknown>, task: (scope: Scope) => T | Promise<T>) {
    await before;
    if (this.#failure !== undefined) throw this.#failure;
    return await this.memory.lend(task);
  }

  async run(kernel: Kernel, job: Job): Promise<number> {
    const { rows, chunkRows, args, fill } = job;
    if (this.#failure !== undefined) throw this.#failure;
    if (rows === 0) return 0;
    const worthwhile = this.threads > 1 && job.work >= SMALL_WORK && rows > chunkRows;
    const shared = worthwhile && (await this.#start());
    if (this.#failure !== undefined) throw this.#failure;
    const scratch = this.#scratchFor(job.scratch ?? 0, shared ? this.threads : 1);
    if (shared) return await this.#runShared(kernel, job, scratch);
    fill?.(0, rows);
    // Chunk by chunk, so that an engine can swap in optimised code, and a page is not blocked.
    const { mayBlock } = this.#platform;
    let count = 0;
    let resumed = mayBlock ? 0 : performance.now();
    for (let begin = 0; begin < rows; begin += chunkRows) {
      count += kernel.call(begin, Math.min(rows, begin + chunkRows), scratch, ...args);
      if (!mayBlock && performance.now() - resumed > LONGEST_BLOCK) {
        await new Promise((resolve) => setTimeout(resolve));
        resumed = performance.now();
      }
    }
    return count;
  }

  async #runShared(kernel: Kernel, job: Job, scratch: number): Promise<number> {
    const { rows, chunkRows, args, fill } = job;
    const handOver = this.#handOver;
    const open: OpenJob = {
      kernel: kernel.id,
      rows,
      chunkRows,
      ready: fill === undefined ? rows : 0,
      scratch,
      scratchStep: this.#scratch.each,
      args,
    };
    const { mayBlock } = this.#platform;
    const closed = mayBlock
      ? undefined
      : new Promise<void>((resolve) => {
          this.#onClosed = resolve;
        });
    handOver.open(open);
    const refused = fill === undefined ? undefined : this.#fill(fill, rows, chunkRows);
    if (closed === undefined) {
      handOver.takePart(open, (begin, end) => kernel.call(begin, end, scratch, ...args));
      handOver.waitForWorkers();
    } else await closed;
    if (refused !== undefined) throw refused.error;
    if (this.#failure !== undefined) throw this.#failure;
    const count = handOver.result();
    if (count !== undefined) return count;
    throw new Error("kernels: a kernel trapped: it was given a wrong pointer or size");
  }

  dispose(): void {
    this.disposed = true;
    this.#workers?.terminate();
    this.#fail("the pool has been disposed of");
  }

  /** Ends the job under way, if the calling thread only waits for it, and all that follow. */
  #fail(what: string): void {
    this.#failure ??= new VectorQuantizeError(`kernels: ${what}`);
    this.#onClosed();
  }

  /** An error of `fill` comes back as it is: threads that wait for rows must not wait forever. */
  #fill(
    fill: (begin: number, end: number) => void,
    rows: number,
    chunkRows: number,
  ): { error: unknown } | undefined {
    const part = Math.max(chunkRows, Math.ceil(rows / FILL_PARTS));
    let refused: { error: unknown } | undefined;
    for (let begin = 0; begin < rows && refused === undefined; begin += part) {
      const end = Math.min(rows, begin + part);
      try {
        fill(begin, end);
      } catch (error) {
        refused = { error };
      }
      this.#handOver.bringIn(refused === undefined ? end : rows);
    }
    return refused;
  }

  /** Address of the scratch memory of thread 0; that of thread t follows at a fixed step. */
  #scratchFor(bytes: number, threads: number): number {
    const each = Math.max(128, Math.ceil(bytes / 128) * 128);
    if (each > this.#scratch.each || threads > this.#scratch.threads) {
      const { start } = this.#scratch;
      this.#scratch = { start: 0, each: 0, threads: 0 };
      if (start !== 0) this.memory.free(start);
      this.#scratch = { start: this.memory.allocate(each * threads), each, threads };
    }
    return this.#scratch.start;
  }

  /** Starts the workers, once; whether there are any to hand chunks to. */
  async #start(): Promise<boolean> {
    const { mayBlock } = this.#platform;
    this.#workers ??= new Workers(this.#platform, {
      // On a page the main thread only waits, so every thread is a worker.
      first: mayBlock ? 1 : 0,
      end: this.threads,
      message: {
        memory: this.memory.memory,
        announces: !mayBlock,
        modules: this.#modules,
        looks: LOOKS,
      },
      onClosed: () => this.#onClosed(),
      onFailure: (reason) =>
        this.#fail(
          `a worker failed: ${reason}. \`createPool({ threads: 1 })\` does without workers`,
        ),
      onNone: () => {
        this.threads = 1;
      },
    });
    // On a page a job would wait forever for workers that never come up.
    if (!mayBlock) await this.#workers.up;
    return this.threads > 1;
  }
}
