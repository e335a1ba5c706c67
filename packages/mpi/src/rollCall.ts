import type { Handle, MpiLibrary } from "./library.ts";

/** Tells who waits in a collective call that lasts, so that an error can name who does not. */
export interface RollCall {
  /** Tells all others that this process waits in call `number`. */
  tell(number: number): void;
  /** The processes that have not told that they wait in call `number`. */
  missing(number: number): number[];
}

const TAG = 7;

/**
 * A roll call among the processes of `comm`, which nothing else uses. Messages are small and nobody waits
 * for them: they arrive, or they don't.
 */
export function rollCall(
  library: MpiLibrary,
  comm: Handle,
  { rank, size }: { rank: number; size: number },
): RollCall {
  const { types, ignoreStatus } = library;
  const isend = library.call("MPI_Isend", ["void *", "int", "H", "int", "int", "H", "void *"]);
  const iprobe = library.call("MPI_Iprobe", ["int", "int", "H", "void *", "void *"]);
  const receive = library.call("MPI_Recv", ["void *", "int", "H", "int", "int", "H", "void *"]);
  /** The last call that each process told that it waits in. */
  const told = new Int32Array(size).fill(-1);
  const underWay: unknown[] = []; // MPI reads them until they are sent
  const others = Array.from({ length: size }, (_, other) => other).filter((r) => r !== rank);
  return {
    tell(number) {
      for (const other of others) {
        const words = Int32Array.of(number);
        const { room } = library.handleRoom();
        underWay.push(words, room);
        isend(words, 1, types.Int32Array, other, TAG, comm, room);
      }
    },
    missing(number) {
      const flag = new Int32Array(1);
      const words = new Int32Array(1);
      for (const other of others) {
        for (;;) {
          flag[0] = 0;
          if (iprobe(other, TAG, comm, flag, ignoreStatus) !== 0 || flag[0] === 0) break;
          receive(words, 1, types.Int32Array, other, TAG, comm, ignoreStatus);
          told[other] = words[0] as number;
        }
      }
      return others.filter((other) => (told[other] as number) < number);
    },
  };
}
