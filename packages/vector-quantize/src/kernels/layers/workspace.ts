import { layersKernels } from "../engine/binaries/layers.ts";
import { defaultPool } from "../engine/createPool.ts";
import type { Kernel, Pool } from "../engine/pool.ts";

/** What kernels may read past the end of a buffer: they take eight floats at a time. */
const MARGIN = 32;
/** Chunks that each thread gets of a job, so that none waits long for another. */
const CHUNKS = 8;

export type LayerKernels = Record<(typeof layersKernels)["functions"][number], Kernel>;

/**
 * The pool's memory for one run through layers: buffers of float32, by address. A buffer lives until
 * as many have released it as hold it.
 */
export class Workspace {
  readonly pool: Pool;
  readonly kernels: LayerKernels;
  readonly #holders = new Map<number, number>();
  /** Packed weights by those that they were made of, where these stay. */
  readonly #packed: Map<number, number> | undefined;

  /** @param lasting whether it stays for many runs, with weights that don't change */
  constructor(pool: Pool, kernels: LayerKernels, lasting = false) {
    this.pool = pool;
    this.kernels = kernels;
    this.#packed = lasting ? new Map() : undefined;
  }

  /** A buffer of so many floats, held once; its content is arbitrary. */
  take(floats: number): number {
    const start = this.pool.memory.allocate(4 * floats + MARGIN);
    this.#holders.set(start, 1);
    return start;
  }

  /** A buffer of these numbers. */
  copyOf(values: Float32Array | Int32Array): number {
    const start = this.take(values.length);
    if (values instanceof Float32Array) this.floats(start, values.length).set(values);
    else this.pool.memory.i32(start, values.length).set(values);
    return start;
  }

  /** A buffer of its own with the numbers of one that it releases. */
  copy(start: number, length: number): number {
    const to = this.take(length);
    this.floats(to, length).set(this.floats(start, length));
    this.release(start);
    return to;
  }

  /** What may be written over: the buffer itself where nobody else holds it, else its copy. */
  ours(start: number, length: number): number {
    return this.isOnlyOurs(start) ? start : this.copy(start, length);
  }

  /** Adds so many floats at `from` to those at `to`. */
  add(to: number, from: number, length: number): void {
    const [sum, more] = [this.floats(to, length), this.floats(from, length)];
    for (let i = 0; i < length; i++) sum[i] = (sum[i] as number) + (more[i] as number);
  }

  /** A view that is good until the next buffer is taken. */
  floats(start: number, length: number): Float32Array {
    return this.pool.memory.f32(start, length);
  }

  /** The weights at `weight`, packed by `pack` into a buffer that the caller releases. */
  async packed(
    weight: number,
    floats: number,
    pack: (to: number) => Promise<void>,
  ): Promise<number> {
    const known = this.#packed?.get(weight);
    if (known !== undefined) return this.hold(known);
    const to = this.take(floats);
    await pack(to);
    this.#packed?.set(weight, to);
    return this.#packed ? this.hold(to) : to;
  }

  /** One more holder. */
  hold(start: number): number {
    this.#holders.set(start, this.#holdersOf(start) + 1);
    return start;
  }

  /** Whether the one who releases it is the last: what it holds may then be written over. */
  isOnlyOurs(start: number): boolean {
    return this.#holdersOf(start) === 1;
  }

  release(...starts: readonly number[]): void {
    for (const start of starts) {
      const holders = this.#holdersOf(start) - 1;
      if (holders > 0) this.#holders.set(start, holders);
      else {
        this.#holders.delete(start);
        this.pool.memory.free(start);
      }
    }
  }

  #holdersOf(start: number): number {
    const holders = this.#holders.get(start);
    if (holders === undefined) throw new Error(`workspace: no buffer is held at ${start}`);
    return holders;
  }

  /** Runs a kernel over `rows`; each of them is worth a chunk, or there are many. */
  async run(
    kernel: Kernel,
    rows: number,
    args: readonly number[],
    { work, scratch = 0, multiple = 1 }: { work: number; scratch?: number; multiple?: number },
  ): Promise<void> {
    const chunk = Math.ceil(rows / (CHUNKS * this.pool.threads) / multiple) * multiple;
    await this.pool.run(kernel, { rows, chunkRows: Math.max(1, chunk), work, scratch, args });
  }

  /** Gives back all that is still held. */
  free(): void {
    for (const start of this.#holders.keys()) this.pool.memory.free(start);
    this.#holders.clear();
  }
}

/** Runs `task` with a workspace of the shared pool, whose memory is given back when it ends. */
export async function withWorkspace<T>(task: (work: Workspace) => Promise<T>): Promise<T> {
  const pool = defaultPool();
  const work = new Workspace(pool, await pool.load(layersKernels, pool.form));
  try {
    return await task(work);
  } finally {
    work.free();
  }
}

/** A workspace of the shared pool for many runs with the same weights; `free` ends it. */
export async function lastingWorkspace(): Promise<Workspace> {
  const pool = defaultPool();
  return new Workspace(pool, await pool.load(layersKernels, pool.form), true);
}
