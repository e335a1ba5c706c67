/** Numbers that processes exchange. */
export type Exchanged = Float32Array | Float64Array | Int32Array | Uint8Array;

/**
 * Processes that compute one thing together: the seam between the library and what connects them, such as
 * MPI (`vector-quantize-mpi`). A process alone is `solo()`.
 *
 * All but `abort` are *collective*: every process calls them, in the same order, with arrays of the same
 * type. Whoever is in one waits for all others.
 */
export interface ProcessGroup {
  /** Number of this process, from 0. */
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
  /** The sum over all processes, number by number, written over `values`; the same to the bit for all. */
  allReduce(values: Float32Array | Float64Array | Int32Array): Promise<void>;
  /** The numbers of process `root`, written over those of all others. */
  broadcast(values: Exchanged, root: number): Promise<void>;
  /**
   * The parts of all processes, one after another in the order of ranks.
   *
   * @param lengths of each part, where everybody knows them; else they are exchanged too
   * @param room may be written over and given back, where it is as long as all parts together
   */
  allGather<Part extends Exchanged>(
    part: Part,
    lengths?: readonly number[],
    room?: Part,
  ): Promise<Part>;
  /** Waits until all are there. */
  barrier(): Promise<void>;
  /** Ends all processes at once, with a word why. Of a process alone it throws. */
  abort(reason: string): void;
}

/** A group of this process alone: the null object, in which nothing is exchanged. */
export function solo(): ProcessGroup {
  return {
    rank: 0,
    size: 1,
    async allReduce() {},
    async broadcast() {},
    async allGather(part) {
      return part;
    },
    async barrier() {},
    abort(reason) {
      throw new Error(reason);
    },
  };
}
