import type { Handle, MpiLibrary } from "./library.ts";
import { nativeLibrary } from "./native.ts";

/** Milliseconds before the first sleep: processes that come together do not sleep. */
const AWAKE = 0.1;
/** Microseconds of a sleep, at least. */
const SLEEP = 50;

/**
 * Waits until all processes of `comm` wait in it, asleep: a collective call of MPI keeps a core busy meanwhile,
 * which another process may need to arrive at all. Sleeps last 50 us, and a thousandth of the wait so far after
 * a long one. To be called by all, in the same order, as any collective call.
 *
 * @param check throws for a code of an error
 */
export function arrivalOf(
  library: MpiLibrary,
  comm: Handle,
  check: (what: string, code: number) => void,
): () => Promise<void> {
  const begin = library.call("MPI_Ibarrier", ["H", "void *"]);
  const test = library.call("MPI_Test", ["void *", "void *", "void *"]);
  const usleep = nativeLibrary(null)?.func("usleep", "int", ["uint"]);
  return async () => {
    const { room } = library.handleRoom();
    const there = new Int32Array(1);
    check("MPI_Ibarrier", begin(comm, room));
    const began = performance.now();
    for (;;) {
      check("MPI_Test", test(room, there, library.ignoreStatus));
      if (there[0] !== 0) return;
      const waited = performance.now() - began;
      if (waited < AWAKE) continue;
      const microseconds = Math.max(SLEEP, Math.round(waited));
      await new Promise((resolve) => {
        if (usleep) usleep.async(microseconds, resolve);
        else setTimeout(resolve, microseconds / 1000);
      });
    }
  };
}
