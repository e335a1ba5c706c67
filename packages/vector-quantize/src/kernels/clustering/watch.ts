import { expected } from "../../errors.ts";
import type { Tick } from "./clustering.ts";

/** How far k-means has come. */
export interface KMeansProgress {
  /** The iteration at work, from 1; 0 while the start is chosen, `iterations + 1` while labels are found. */
  readonly iteration: number;
  readonly iterations: number;
  /** How much of it is done, 0 to 1. */
  readonly share: number;
  /** The error that its search found, once that has ended: see `KMeansResult`. */
  readonly inertia?: number;
}

/** Who watches, and who may end it. */
export interface Watching {
  readonly onProgress?: ((progress: KMeansProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds after which timers and signals get their turn. */
const PAUSE = 50;

/** Throws unless these are a function and a signal, or left out. */
export function checkWatching(where: string, { onProgress, signal }: Watching): void {
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw expected(`${where}: onProgress`, "a function", onProgress);
  }
  if (signal !== undefined && typeof signal?.throwIfAborted !== "function") {
    throw expected(`${where}: signal`, "an AbortSignal", signal);
  }
}

/**
 * Tells of the work on `iterations` iterations, and ends it where the signal says so.
 *
 * @param isShared whether errors are found by several processes together, so that all take part
 */
export function watch(iterations: number, { onProgress, signal }: Watching, isShared: boolean) {
  let [iteration, share] = [0, 0];
  let paused = performance.now();
  const tick: Tick = async (done) => {
    share = Math.min(1, share + done);
    onProgress?.({ iteration, iterations, share });
    if (signal !== undefined && performance.now() - paused > PAUSE) {
      await new Promise((resolve) => setTimeout(resolve));
      paused = performance.now();
    }
    signal?.throwIfAborted();
  };
  return {
    tick,
    /** Another iteration begins. */
    begin(next: number): void {
      signal?.throwIfAborted();
      [iteration, share] = [next, 0];
    },
    /** The iteration's search has ended. */
    async found(inertia: () => number | Promise<number>): Promise<void> {
      if (onProgress === undefined && !isShared) return;
      const error = await inertia();
      onProgress?.({ iteration, iterations, share, inertia: error });
    },
  };
}
