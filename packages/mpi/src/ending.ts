/** How a process leaves its group. */
export interface Ending {
  /** Ends all processes, with a word why. */
  abort(reason: string): void;
  /** Waits until all others leave too. */
  leave(): Promise<void>;
  /** Ends MPI. */
  finalize(): void;
}

/**
 * Sees to it that a process leaves with the others or ends them: nobody is to wait for one that is gone.
 * Who has nothing left to do waits for all others at the end; who fails, or calls `process.exit` before that,
 * ends the job.
 */
export function endWith({ abort, leave, finalize }: Ending): void {
  let left = false;
  let leaving = false;
  process.on("uncaughtExceptionMonitor", (error: unknown) => {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    left = true;
    abort(`ended by an error: ${words}`);
  });
  process.on("beforeExit", (code) => {
    if (left || leaving) return;
    leaving = true;
    if (code !== 0) return; // "exit" follows
    leave().then(
      () => {
        left = true;
        finalize();
      },
      (error) => abort(error.message),
    );
  });
  process.on("exit", (code) => {
    if (!left) abort(`ended with code ${code} before the others had. The job ends`);
  });
}
