import { availableParallelism } from "node:os";
import { VectorQuantizeError } from "../errors.ts";
import { Thread } from "./thread.ts";

/**
 * The OS threads that carry jax-js's logical workers, round robin.
 *
 * jax-js fixes the number of logical workers when it is imported, one per core, and makes them at
 * its first computation. The number of threads under them can be chosen until then.
 */
export class ThreadPool {
  #size = availableParallelism();
  #threads: Thread[] = [];
  #attached = 0;

  /** Number of OS threads, once all logical workers are made. */
  get size(): number {
    return this.#attached > 0 ? Math.min(this.#size, this.#attached) : this.#size;
  }

  /** Whether threads have been started. */
  get started(): boolean {
    return this.#attached > 0;
  }

  /** Chooses the number of OS threads. Throws if others have started. */
  resize(size: number): void {
    if (this.started && Math.min(size, this.#attached) !== this.size) {
      throw new VectorQuantizeError(
        `threads: expected ${this.size}, the number that has been started, got ${size}. ` +
          "Call initNode({ threads }) once, before the first computation",
      );
    }
    if (!this.started) this.#size = size;
  }

  /** The thread for the next logical worker. */
  attach(): Thread {
    const slot = this.#attached++ % this.#size;
    const running = this.#threads[slot];
    if (running !== undefined && !running.ended) return running;
    const thread = new Thread();
    this.#threads[slot] = thread;
    return thread;
  }
}

/**
 * The pool under the global `Worker`, also if another copy of this package installed it; undefined
 * if somebody else's `Worker` was there first.
 */
export function threadPool(): ThreadPool | undefined {
  return (globalThis.Worker as { pool?: ThreadPool } | undefined)?.pool;
}
