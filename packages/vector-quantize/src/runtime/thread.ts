import { type MessagePort, Worker as NodeWorker } from "node:worker_threads";
import { openScope } from "./scope.ts";

/**
 * What an OS thread runs: a scope for every logical worker sent to it.
 *
 * Source text and not a file, so that it runs alike from the sources and from a build. A port holds
 * its messages until the worker's source is evaluated and listens. Answers carry the time (ms) that
 * the thread took for them.
 */
const THREAD_SOURCE = `
const { parentPort } = process.getBuiltinModule("node:worker_threads");
const openScope = (${openScope});
const raise = (error) => setImmediate(() => { throw error; });
parentPort.on("message", ({ blob, port }) => {
  let began = 0;
  const answer = (data, transfer) =>
    port.postMessage({ data, time: performance.now() - began }, transfer);
  blob.text().then((source) => {
    const handle = openScope(source, answer);
    port.on("messageerror", raise);
    port.on("message", (data) => {
      began = performance.now();
      handle(data);
    });
  }).catch(raise);
});
`;

/** What runs logical workers. It holds the process only while an answer is due. */
export interface Carrier {
  /** Why it is dead; undefined while it runs. */
  readonly failure: Error | undefined;
  /** Starts a logical worker that runs `blob` and talks through `port`. */
  open(blob: Blob, port: MessagePort): void;
  /** Ends a logical worker to which `due` answers are due; it ends with its last one. */
  close(due: number): void;
  /** Whether the last logical worker has been closed. */
  readonly ended: boolean;
  /** Notes that an answer is due. */
  expect(): void;
  /** Notes that `count` answers came, or that nobody waits for them any more. */
  answered(count: number): void;
}

/** Raises `error` where nothing can swallow it: as an uncaught exception. */
export function surface(error: Error): void {
  process.nextTick(() => {
    throw error;
  });
}

/** An OS thread that carries logical workers. */
export class Thread implements Carrier {
  readonly #worker: NodeWorker;
  #workers = 0;
  #due = 0;
  #failure: Error | undefined;

  constructor() {
    this.#worker = new NodeWorker(THREAD_SOURCE, { eval: true, execArgv: [] });
    this.#worker.unref();
    this.#worker.on("error", (error) => {
      this.#failure = error;
      surface(error);
    });
    this.#worker.on("exit", (code) => {
      if (this.ended || this.#failure !== undefined) return;
      this.#failure = new Error(`a worker thread exited with code ${code}`);
      // Whoever waits for an answer would wait for ever.
      if (this.#due > 0) surface(this.#failure);
    });
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  open(blob: Blob, port: MessagePort): void {
    this.#workers++;
    this.#worker.postMessage({ blob, port }, [port]);
  }

  close(due: number): void {
    this.answered(due);
    if (--this.#workers === 0) void this.#worker.terminate();
  }

  get ended(): boolean {
    return this.#workers === 0;
  }

  expect(): void {
    if (this.#due++ === 0) this.#worker.ref();
  }

  answered(count: number): void {
    if (this.#due === 0) return;
    this.#due -= count;
    if (this.#due === 0) this.#worker.unref();
  }
}
