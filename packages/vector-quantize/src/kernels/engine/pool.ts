import type { KernelForm, KernelModule } from "./kernelModule.ts";
import type { KernelMemory, Scope } from "./memory.ts";

/**
 * Runs kernels over chunks of rows, on all cores.
 *
 * A kernel is an exported AssemblyScript function `(begin, end, scratch, ...args) => count` that
 * handles the rows from `begin` to `end`. `scratch` points to memory of the thread's own; `args`
 * are pointers into the pool's memory and numbers; the counts of all chunks are summed.
 *
 * ```ts
 * const pool = createPool({ threads: 4 });
 * const { squares } = await pool.load(squareKernels, "plain");
 * const sum = await pool.exclusive((scope) => {
 *   const x = scope.copyOf(values);
 *   return pool.run(squares, { rows: n, chunkRows: 4096, work: n, args: [x] });
 * });
 * ```
 *
 * Rows that lie in ordinary memory go through `runInParts`; what stays over many calls is allocated in
 * `pool.memory.hold`.
 *
 * How it works: one job at a time lies in a control block at the start of the shared memory. Every
 * thread takes the next chunk in one atomic step until none is left, so a thread that the system slows
 * down takes fewer; `handOver.ts` says why none gets a chunk of a job that it has not read. The calling
 * thread takes part and then blocks for the last chunks, except on the main thread of a page, which
 * may not block: there the workers do it all and the last one sends a message. Workers sleep in
 * `Atomics.wait` between jobs; they start with the first job that is worth it and join in as they come
 * up. Those that can't be started (a Content-Security-Policy without `worker-src blob:`, no thread left
 * in the system) are done without, down to the calling thread alone, with a word on the console.
 *
 * Without shared memory (a page that is not cross-origin isolated) the same calls run on the
 * calling thread alone.
 */
export interface Pool {
  readonly memory: KernelMemory;
  /** Threads that take part in a large job; 1 once no worker could be started. */
  readonly threads: number;
  /** The fastest form of the kernels that this engine runs. */
  readonly form: KernelForm;
  /** Whether kernels run at full speed from their first call, without a warm-up. */
  readonly compilesOptimized: boolean;
  /** Fetches and compiles a module, once, and returns its exported functions by name. */
  load<Name extends string>(
    module: KernelModule<Name>,
    form: KernelForm,
  ): Promise<Record<Name, Kernel>>;
  /**
   * Runs `task` when no other task holds the pool's control block. What it allocates in `scope` is
   * given back when it ends. Not reentrant.
   */
  exclusive<T>(task: (scope: Scope) => T | Promise<T>): Promise<T>;
  /** Runs a kernel over all rows of a job. Call it inside `exclusive`. */
  run(kernel: Kernel, job: Job): Promise<number>;
  /** Stops the workers. The pool can't be used any more. */
  dispose(): void;
  /** Whether `dispose` has been called. */
  readonly disposed: boolean;
}

/** An exported kernel function of a pool. */
export interface Kernel {
  /** Its place in every thread's table. */
  readonly id: number;
  /** The function itself, on the calling thread: for small calls without a job. */
  readonly call: (begin: number, end: number, scratch: number, ...args: number[]) => number;
}

export interface Job {
  readonly rows: number;
  /** Rows that a thread takes at a time. */
  readonly chunkRows: number;
  /** About how many floating-point operations there are in all: a small job stays on this thread. */
  readonly work: number;
  /** Bytes of scratch memory per thread. Default 0. */
  readonly scratch?: number;
  /** Numbers and pointers for the kernel, after `begin`, `end` and `scratch`; 62 at most. */
  readonly args: readonly number[];
  /**
   * Brings the rows from `begin` to `end` into memory. Called in order on the calling thread while
   * the workers already handle the rows before.
   */
  readonly fill?: (begin: number, end: number) => void;
}
