import { resolveObjectURL } from "node:buffer";
import { MessageChannel, type MessagePort, type Transferable } from "node:worker_threads";
import { VectorQuantizeError } from "../errors.ts";
import { ThreadPool } from "./pool.ts";
import { ShortKernels } from "./shortKernels.ts";
import { type Carrier, surface } from "./thread.ts";

/**
 * The part of the Web `Worker` interface that jax-js's Wasm backend uses, on Node's threads.
 *
 * jax-js starts workers from a `blob:` URL and gets exactly one answer to each message; that is all
 * this class promises.
 */
export class JaxWorker {
  static readonly pool = new ThreadPool();

  onmessage: ((event: { data: unknown }) => void) | null = null;
  /** Never called: jax-js would swallow the error. A broken thread ends the process instead. */
  onerror: ((error: Error) => void) | null = null;
  readonly #blob: Blob;
  readonly #thread: Carrier;
  readonly #port: MessagePort;
  #due = 0;
  #shortKernels: ShortKernels | undefined;
  /** What the thread is doing. */
  #work: string | undefined;

  constructor(url: string | URL) {
    const blob = resolveObjectURL(String(url)) as Blob | undefined;
    if (blob === undefined) {
      throw new VectorQuantizeError(`Worker: expected a blob: URL, got ${String(url)}`);
    }
    const { port1, port2 } = new MessageChannel();
    this.#blob = blob;
    this.#thread = JaxWorker.pool.attach();
    this.#thread.open(blob, port2);
    this.#port = port1;
    this.#port.on("message", (answer) => this.#receive(answer));
    this.#port.on("messageerror", surface);
    this.#port.unref(); // the thread holds the process while an answer is due
  }

  postMessage(message: unknown, transfer?: readonly Transferable[]): void {
    if (this.#thread.failure !== undefined) {
      surface(this.#thread.failure);
      return;
    }
    this.#shortKernels ??= ShortKernels.startedBy(message, this.#blob);
    this.#work = this.#shortKernels?.work(message);
    if (this.#shortKernels?.run(this.#work, message, (data) => this.#deliver(data))) return;
    this.#due++;
    this.#thread.expect();
    this.#port.postMessage(message, transfer);
  }

  terminate(): void {
    this.#port.close();
    this.#thread.close(this.#due);
    this.#due = 0;
  }

  #receive({ data, time }: { data: unknown; time: number }): void {
    this.#due--;
    this.#thread.answered(1);
    this.#shortKernels?.learn(this.#work, time);
    this.#deliver(data);
  }

  #deliver(data: unknown): void {
    // jax-js would go on with whatever the failed kernel left in memory.
    const { ok, error } = data as { ok?: boolean; error?: string };
    if (ok === false) surface(new Error(`jax-js: a kernel failed: ${error}`));
    this.onmessage?.({ data });
  }
}
