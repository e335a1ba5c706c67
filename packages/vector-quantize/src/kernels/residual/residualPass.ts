import { type AssignStats, createStats, type StatsSize } from "../codes/assignStats.ts";
import { addressesOf } from "../codes/gather.ts";
import { codesKernels } from "../engine/binaries/codes.ts";
import { defaultPool } from "../engine/createPool.ts";
import type { Scope } from "../engine/memory.ts";
import type { Pool } from "../engine/pool.ts";

/** What a pass looks at. The arrays are read at once. */
export interface ResidualPassInputs {
  /** `[N, D]` */
  readonly vectors: Float32Array;
  /** Codes of all layers, `[N, Q]`; -1 throughout for a vector that is not finite. */
  readonly indices: Int32Array;
  /** `[K_q, D]` of each layer. */
  readonly codebooks: readonly Float32Array[];
  readonly dim: number;
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
}

/** What a pass gives away in the kernels' memory: to be copied at once. */
export interface ResidualPassTakers {
  /** The sum of the codes, `[N, D]`. */
  sum(view: Float32Array): void;
  /** What entered `layer`, `[N, D]`. */
  residual?(layer: number, view: Float32Array): void;
}

/** A training step's work on vectors whose codes are found; it holds the vectors until `dispose`. */
export interface ResidualPass {
  /** What each layer's codes got, as from `residualStats`. */
  readonly stats: readonly AssignStats[];
  /** For each layer, the sum of `|r_q - c_q|^2` over all vectors; NaN if one is not finite. */
  readonly errors: readonly number[];
  /**
   * The gradient of the vectors: for each layer the gradient of the sum of the codes, turned back by
   * the rotation that carries `r_q` to `c_q` or as it is, plus `weights[q] (r_q - c_q)`.
   *
   * @param gradient of the sum of the codes, `[N, D]`
   * @param weights one per layer
   * @param rotates whether gradients turn with the rotation trick
   * @param take is given the answer, `[N, D]`, in the kernels' memory: to be copied at once
   */
  back(
    gradient: Float32Array,
    weights: readonly number[],
    rotates: boolean,
    take: (view: Float32Array) => void,
  ): Promise<void>;
  dispose(): void;
}

/**
 * All that a training step does with the layers of a residual quantizer once the codes are found, in
 * one go over vectors that stay in the kernels' memory: `r_1 = x`, `r_(q+1) = r_q - c_q`; the sum of
 * the codes, their errors and statistics; and, when the gradient of that sum is known, the gradient
 * of the vectors. Needs WebAssembly's SIMD.
 */
export async function createResidualPass(
  { vectors, indices, codebooks, dim, pool = defaultPool() }: ResidualPassInputs,
  take: ResidualPassTakers,
): Promise<ResidualPass> {
  const { memory } = pool;
  const layers = codebooks.length;
  const rows = vectors.length / dim;
  const chunkRows = Math.max(1, Math.floor(2 ** 14 / dim));
  /** Rows at a time of work that is bound by memory. */
  const chunks = { rows, chunkRows, work: 16 * vectors.length * layers };
  const { takeCodes, passBack, decodeSum } = await pool.load(codesKernels, pool.form);

  /** `held` stays until `dispose`, `passing` till the codes have been taken. */
  const forward = async (held: Scope, passing: Scope) => {
    const x = held.copyOf(vectors);
    const found = held.copyOf(indices);
    const starts = addressesOf(codebooks, held);
    const books = held.copyOf(starts);
    const left = passing.allocate(4 * vectors.length); // residuals, then the sum of the codes
    const column = passing.allocate(4 * rows);
    const errorsOfRows = passing.allocate(4 * rows);
    const sizes = Int32Array.from(codebooks, ({ length }) => length / dim);
    const sizesAt = passing.copyOf(sizes);
    const stats: AssignStats[] = [];
    const errors: number[] = [];
    for (const [q, codes] of sizes.entries()) {
      const from = q === 0 ? x : left;
      const own = memory.i32(column, rows);
      for (let n = 0; n < rows; n++) own[n] = indices[n * layers + q] as number;
      stats.push(await statsOf(pool, from, column, { dim, codes, rows }));
      take.residual?.(q, memory.f32(from, vectors.length));
      const to = q === layers - 1 ? 0 : left;
      const book = (starts[q] as number) >>> 0;
      const args = [book, dim, found + 4 * q, layers, from, to, errorsOfRows];
      await pool.run(takeCodes, { ...chunks, args });
      errors.push(sumOf(memory.f32(errorsOfRows, rows)));
    }
    await pool.run(decodeSum, { ...chunks, args: [books, sizesAt, layers, dim, found, left] });
    const sum = memory.f32(left, vectors.length);
    markInvalid(sum, indices, layers, dim);
    take.sum(sum);
    return { held, x, found, books, stats, errors };
  };

  const { held, x, found, books, stats, errors } = await pool.exclusive((passing) =>
    memory.hold((kept) => forward(kept, passing)),
  );

  return {
    stats,
    errors,
    back: (gradient, weights, rotates, taken) =>
      pool.exclusive(async (scope) => {
        const given = scope.allocate(4 * gradient.length);
        const out = scope.allocate(4 * gradient.length);
        const factors = scope.copyOf(Float32Array.from(weights));
        const args = [books, layers, dim, found, x, given, factors, rotates ? 1 : 0, out];
        const fill = (begin: number, end: number) =>
          memory.write(given + 4 * begin * dim, gradient.subarray(begin * dim, end * dim));
        await pool.run(passBack, { ...chunks, scratch: 4 * dim, args, fill });
        taken(memory.f32(out, gradient.length));
      }),
    dispose() {
      pool.exclusive(() => held.free()).catch(() => {}); // a pool that is disposed of has no memory
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
