import { type AssignStats, createStats, type StatsSize } from "../codes/assignStats.ts";
import { codesKernels } from "../engine/binaries/codes.ts";
import type { Scope } from "../engine/memory.ts";
import type { Job, Pool } from "../engine/pool.ts";
import type { MemoryRows, MemorySearch } from "../search/memorySearch.ts";

export { drawUniform } from "../codes/uniform.ts";
export { inMemory } from "../search/memorySearch.ts";

/** What a pass looks at, all in the memory of one pool. */
export interface ResidualPassInputs {
  readonly search: MemorySearch;
  /** They stay as they are until the way back. */
  readonly vectors: MemoryRows;
  /** Where the sum of the codes goes, float32 `[N, D]`; NaN for a vector that is not valid. */
  readonly sum: number;
  /** Indices that are known beforehand, `[N, Q]`, in place of a search. */
  readonly indices?: Int32Array | undefined;
  /** Is given what entered `layer`, `[N, D]`: to be copied at once. */
  entered?(layer: number, view: Float32Array): void;
}

/** The gradient of the sum of the codes, and where that of the vectors goes. */
export interface ResidualPassBack {
  /** Address of the gradient, float32 `[N, D]`. */
  readonly gradient: number;
  /** Brings the gradient there, if it isn't yet. */
  readonly fill?: Job["fill"];
  /** What each layer's squared error adds: `weights[q] (r_q - c_q)`. */
  readonly weights: readonly number[];
  /** Whether gradients turn with the rotation trick. */
  readonly rotates: boolean;
  /** The vectors whose gradients are given and asked for. Default: all. */
  readonly part?: { readonly first: number; readonly rows: number } | undefined;
  /** Address of the answer, float32 `[N, D]`: elsewhere than the gradient, or where the vectors are. */
  readonly to: number;
}

/** A training step's work on vectors in a pool's memory. */
export interface ResidualPass {
  /** Address of the indices, int32 `[N, Q]`; -1 throughout for a vector that is not valid. */
  readonly indices: number;
  /** What each layer's codes got, as from `residualStats`. */
  readonly stats: readonly AssignStats[];
  /** For each layer, the sum of `|r_q - c_q|^2` over all vectors; NaN if one is not valid. */
  readonly errors: readonly number[];
  /**
   * The gradient of the vectors: for each layer the gradient of the sum of the codes, turned back by
   * the rotation that carries `r_q` to `c_q` or as it is, plus `weights[q] (r_q - c_q)`. Call it inside
   * `exclusive`, with its scope.
   */
  back(way: ResidualPassBack, scope: Scope): Promise<void>;
}

/**
 * All that a training step does with the layers of a residual quantizer, in one go over vectors that
 * stay in the kernels' memory: the search; `r_1 = x`, `r_(q+1) = r_q - c_q`; the sum of the codes, their
 * errors and statistics; and, when the gradient of that sum is known, the gradient of the vectors.
 *
 * It takes addresses and leaves its answers at addresses: whoever has vectors in the pool's memory
 * anyway gives them as they are. Call it inside `exclusive`, with its scope.
 *
 * @param held what the way back needs: free it after
 */
export async function createResidualPass(
  { search, vectors, sum, indices, entered }: ResidualPassInputs,
  held: Scope,
  passing: Scope,
): Promise<ResidualPass> {
  const { pool, dim, books: given } = search;
  const { memory } = pool;
  const { rows, at: x } = vectors;
  const layers = given.length;
  const chunkRows = Math.max(1, Math.floor(2 ** 14 / dim));
  /** Rows at a time of work that is bound by memory. */
  const chunks = { rows, chunkRows, work: 16 * rows * dim * layers };
  const { takeCodes, passBack, decodeSum } = await pool.load(codesKernels, pool.form);

  const found = held.allocate(4 * rows * layers);
  if (indices) {
    vectors.fill?.(0, rows);
    memory.write(found, indices);
  } else await search.find(vectors, found, passing);
  // A copy of the codes: the search may get others before the way back.
  const copies = new Map<number, number>();
  for (const { codes, size } of given) {
    if (copies.has(codes)) continue;
    const copy = held.allocate(4 * size * dim);
    memory.write(copy, memory.f32(codes, size * dim));
    copies.set(codes, copy);
  }
  const starts = Int32Array.from(given, ({ codes }) => copies.get(codes) as number);
  const books = held.copyOf(starts);
  const column = passing.allocate(4 * rows);
  const errorsOfRows = passing.allocate(4 * rows);
  const sizes = passing.copyOf(Int32Array.from(given, ({ size }) => size));
  const stats: AssignStats[] = [];
  const errors: number[] = [];
  for (const [q, { size }] of given.entries()) {
    const from = q === 0 ? x : sum; // residuals lie there till the sum is known
    const [own, all] = [memory.i32(column, rows), memory.i32(found, rows * layers)];
    for (let n = 0; n < rows; n++) own[n] = all[n * layers + q] as number;
    stats.push(await statsOf(pool, from, column, { dim, codes: size, rows }));
    entered?.(q, memory.f32(from, rows * dim));
    const to = q === layers - 1 ? 0 : sum;
    const book = (starts[q] as number) >>> 0;
    const args = [book, dim, found + 4 * q, layers, from, to, errorsOfRows];
    await pool.run(takeCodes, { ...chunks, args });
    errors.push(sumOf(memory.f32(errorsOfRows, rows)));
  }
  await pool.run(decodeSum, { ...chunks, args: [books, sizes, layers, dim, found, sum] });
  markInvalid(memory.f32(sum, rows * dim), memory.i32(found, rows * layers), layers, dim);

  return {
    indices: found,
    stats,
    errors,
    async back({ gradient, fill, weights, rotates, part = { first: 0, rows }, to }, scope) {
      const factors = scope.copyOf(Float32Array.from(weights));
      const at = [found + 4 * layers * part.first, x + 4 * dim * part.first] as const;
      const args = [books, layers, dim, ...at, gradient, factors, rotates ? 1 : 0, to];
      const work = 64 * part.rows * dim * layers;
      const job = { ...chunks, rows: part.rows, work, scratch: 4 * dim, args };
      await pool.run(passBack, { ...job, ...(fill && { fill }) });
    },
  };
}

/** Statistics of vectors and indices in the pool's memory. */
async function statsOf(
  pool: Pool,
  vectors: number,
  indices: number,
  size: StatsSize & { readonly rows: number },
): Promise<AssignStats> {
  return pool.memory.lend(async (scope) => {
    const stats = scope.adopt(await createStats(pool, size));
    await stats.add(vectors, indices, size.rows);
    return stats.read();
  });
}

function sumOf(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum;
}

/** NaN for vectors without a code. */
function markInvalid(sum: Float32Array, indices: Int32Array, layers: number, dim: number): void {
  for (let n = 0; n * layers < indices.length; n++) {
    if ((indices[n * layers] as number) < 0) sum.fill(Number.NaN, n * dim, (n + 1) * dim);
  }
}
