import { checkInteger, expected, VectorQuantizeError } from "../../errors.ts";
import { checkKernelOptions } from "../arguments.ts";
import { supports } from "./kernelModule.ts";
import { currentPlatform } from "./platform.ts";
import type { Pool } from "./pool.ts";
import { WorkerPool } from "./workerPool.ts";

/** Options of `createPool`. */
export interface PoolOptions {
  /** Threads, the calling one included. Default: as many as the machine runs at once. */
  readonly threads?: number;
}

const MOST_THREADS = 1024;
let shared: Pool | undefined;
let sharedOptions: PoolOptions = {};

/** The pool that is used where none is given; made when it is first asked for, or needed again. */
export function defaultPool(): Pool {
  if (shared === undefined || shared.disposed) shared = createPool(sharedOptions);
  return shared;
}

/** Threads of the pool that is used where none is given. Throws if it runs with others. */
export function configureDefaultPool(threads: number): void {
  if (shared && !shared.disposed && shared.threads !== threads) {
    throw expected(
      "threads",
      `${shared.threads}, as the kernels have been started with`,
      threads,
      "Call initNode({ threads }) once, before the first computation",
    );
  }
  sharedOptions = { threads };
}

/** A pool of its own, with its own memory and workers. */
export function createPool(options: PoolOptions = {}): Pool {
  checkKernelOptions("createPool", options, ["threads"]);
  const platform = currentPlatform();
  const { threads = platform.threads } = options;
  checkInteger("createPool: threads", threads);
  if (threads > MOST_THREADS)
    throw expected("createPool: threads", `at most ${MOST_THREADS}`, threads);
  if (!supports("plain")) {
    throw new VectorQuantizeError(
      "createPool: expected an engine with WebAssembly SIMD, got one without it",
    );
  }
  return new WorkerPool(platform, platform.sharesMemory ? threads : 1);
}
