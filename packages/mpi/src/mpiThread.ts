import { Worker } from "node:worker_threads";
import type { CollectiveName } from "./collectives.ts";
import { addressOf } from "./native.ts";

/** What a collective call is given: numbers, handles, and arrays of which it gets the addresses. */
export type CallArgument = bigint | number | ArrayBufferView;

/** A thread of this process on which calls wait for other processes, one after another; see `waiting.ts`. */
export interface MpiThread {
  /** Runs a collective call after those before it. The promise is for its code: 0 if all is well. */
  run(name: CollectiveName, args: readonly CallArgument[]): Promise<number>;
}

interface Due {
  /** Arrays stay where they are as long as somebody here has them. */
  readonly args: readonly CallArgument[];
  resolve(code: number): void;
  reject(error: Error): void;
}

/** Starts the thread. It holds no process that has nothing else to do. */
export function startThread(): MpiThread {
  const worker = new Worker(new URL("./waiting.js", import.meta.url), { execArgv: [] });
  const due: Due[] = [];
  let failed: Error | undefined;
  worker.on("message", (code: number) => due.shift()?.resolve(code));
  worker.on("error", (error) => {
    failed = error;
    for (const { reject } of due.splice(0)) reject(error);
  });
  worker.unref(); // after the listeners, which hold it
  return {
    run: (name, args) =>
      new Promise((resolve, reject) => {
        if (failed) return reject(failed);
        const numbers = args.map((arg) => (typeof arg === "object" ? addressOf(arg) : arg));
        due.push({ args, resolve, reject });
        worker.postMessage({ name, args: numbers });
      }),
  };
}
