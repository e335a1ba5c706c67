import { availableParallelism } from "node:os";
import { VectorQuantizeError } from "../errors.ts";
import { tellOfFewerThreads } from "../kernels/engine/fewerThreads.ts";
import { CallingThread } from "./callingThread.ts";
import { type Carrier, Thread } from "./thread.ts";

/**
 * The OS threads that carry jax-js's logical workers, round robin.
 *
 * jax-js fixes the number of logical workers when it is imported, one per core, and makes them at
 * its first computation. The number of threads under them can be chosen until then.
 */
export class ThreadPool {
  #size = availableParallelism();
  #threads: Carrier[] = [];
  #attached = 0;

  /** Number of OS threads. */
  get size(): number {
    return this.#size;
  }

  /** Chooses the number of OS threads, at most one per core. Throws if others have started. */
  resize(size: number): void {
    const next = Math.min(size, availableParallelism());
    if (this.#attached > 0 && next !== this.#size) {
      throw new VectorQuantizeError(
        `threads: expected ${this.#size}, the number that has been started, got ${size}. ` +
          "Call initNode({ threads }) once, before the first computation",
      );
    }
    this.#size = next;
  }

  /** What carries the next logical worker. */
  attach(): Carrier {
    const slot = this.#attached++ % this.#size;
    const running = this.#threads[slot];
    if (running !== undefined && !running.ended) return running;
    const thread =
      this.#start() ?? this.#threads.find(({ ended }) => !ended) ?? new CallingThread();
    this.#threads[slot] = thread;
    return thread;
  }

  /** A new OS thread, or undefined if the system has none left. */
  #start(): Thread | undefined {
    try {
      return new Thread();
    } catch (error) {
      tellOfFewerThreads((error as Error).message);
      return undefined;
    }
  }
}

/** The pool under the global `Worker`, also if another copy of this package installed it. */
export function threadPool(): ThreadPool {
  const { pool } = (globalThis.Worker ?? {}) as { pool?: ThreadPool };
  if (pool !== undefined) return pool;
  throw new VectorQuantizeError(
    globalThis.Worker === undefined
      ? 'initNode: expected to be loaded before jax-js, got loaded after it. Import "vector-quantize" before "@jax-js/jax"'
      : "initNode: expected no Worker in Node but this package's own, got another. " +
          'Import "vector-quantize" before what defines it',
  );
}
