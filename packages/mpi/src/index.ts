/**
 * Processes that train and encode together, connected by MPI.
 *
 * @module vector-quantize-mpi
 */
export { type Launch, launched } from "./launch.ts";
export { type MpiOptions, mpiGroup } from "./mpiGroup.ts";
export { useAllCores } from "./useAllCores.ts";
