import { openScope } from "./scope.ts";

/** A kernel that takes less than this (ms) is over sooner than a message and its answer. */
const SHORT = 0.03;
/** How long (ms) the event loop may wait while short kernels follow one another. */
const PATIENCE = 10;

/**
 * Runs jax-js's short kernels on the calling thread.
 *
 * A message to a thread and its answer cost about 0.1 ms, and a training step has dozens of kernels
 * that take a tenth of that. What a kernel takes is learnt from its runs in threads.
 */
export class ShortKernels {
  static readonly #byMemory = new WeakMap<object, ShortKernels>();

  readonly #times = new Map<string, number>();
  #handle: ((message: unknown) => void) | undefined;
  #answer: unknown;
  #lastTurn = performance.now();

  /** Those of the workers that have been sent `message`; undefined if it sets no memory up. */
  static startedBy(message: unknown, blob: Blob): ShortKernels | undefined {
    const { type, memory } = message as { type?: string; memory?: WebAssembly.Memory };
    if (type !== "init" || memory === undefined) return undefined;
    let kernels = ShortKernels.#byMemory.get(memory);
    if (kernels === undefined) {
      kernels = new ShortKernels();
      ShortKernels.#byMemory.set(memory, kernels);
      void kernels.#open(blob, message);
    }
    return kernels;
  }

  async #open(blob: Blob, init: unknown): Promise<void> {
    const handle = openScope(await blob.text(), (message) => {
      this.#answer = message;
    });
    handle(init);
    this.#handle = handle;
  }

  /** Names the piece of work that a message asks for; undefined if it is none that recurs. */
  work(message: unknown): string | undefined {
    const { type, kernelHash, begin, end } = message as Record<string, unknown>;
    if (type !== "kernel") return undefined;
    return `${kernelHash}:${Number(end) - Number(begin)}`;
  }

  /** Notes that a thread has done a piece of work in `time` ms. */
  learn(work: string | undefined, time: number): void {
    this.#lastTurn = performance.now();
    if (work === undefined) return;
    // The shortest time is the one without compilation and without other programs in between.
    this.#times.set(work, Math.min(time, this.#times.get(work) ?? time));
  }

  /** Does a short piece of work at once and answers soon; returns false if it is not short. */
  run(work: string | undefined, message: unknown, answer: (data: unknown) => void): boolean {
    const time = work === undefined ? undefined : this.#times.get(work);
    if (this.#handle === undefined || time === undefined || time >= SHORT) return false;
    this.#handle(message);
    const data = this.#answer;
    const now = performance.now();
    if (now - this.#lastTurn < PATIENCE) {
      queueMicrotask(() => answer(data));
    } else {
      // Microtasks alone would keep timers and signals waiting as long as the kernels go on.
      this.#lastTurn = now;
      setImmediate(() => answer(data));
    }
    return true;
  }
}
