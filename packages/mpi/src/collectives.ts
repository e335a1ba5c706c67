import type { MpiCall, MpiLibrary } from "./library.ts";

/** The parameters of collective calls; the last one is the communicator. */
const parameters = {
  MPI_Allreduce: ["void *", "void *", "int", "H", "H", "H"],
  MPI_Bcast: ["void *", "int", "H", "int", "H"],
  MPI_Allgatherv: ["void *", "int", "H", "void *", "void *", "void *", "H", "H"],
  MPI_Barrier: ["H"],
} as const;

export type CollectiveName = keyof typeof parameters;

/** The collective calls of a library. */
export function collectivesOf(library: MpiLibrary): Record<CollectiveName, MpiCall> {
  const calls = Object.entries(parameters).map(([name, types]) => [
    name,
    library.call(name, types),
  ]);
  return Object.fromEntries(calls);
}
