import { interruptedCode } from "../failure.ts";

/** Whether the user asked to stop, and the end of watching for it. */
export interface Interrupt extends Disposable {
  readonly requested: boolean;
}

/**
 * Watches for Ctrl-C and SIGTERM until disposed: the first one asks for a tidy end, through
 * `requested`; a second one ends the process at once.
 *
 * @param onRequest called at the first one, to tell the user that he was heard.
 */
export function watchForInterrupt(onRequest: () => void): Interrupt {
  let requested = false;
  const listener = () => {
    if (requested) process.exit(interruptedCode);
    requested = true;
    onRequest();
  };
  process.on("SIGINT", listener);
  process.on("SIGTERM", listener);
  return {
    get requested() {
      return requested;
    },
    [Symbol.dispose]() {
      process.off("SIGINT", listener);
      process.off("SIGTERM", listener);
    },
  };
}
