import { type AssignStats, createStats, segmentRows } from "../codes/assignStats.ts";
import { codesKernels } from "../engine/binaries/codes.ts";
import { defaultPool } from "../engine/createPool.ts";
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

  const held: number[] = [];
  const hold = (bytes: number) => {
    const start = memory.allocate(bytes);
    held.push(start);
    return start;
  };
  const release = () => {
    for (const start of held.splice(0)) memory.free(start);
  };

  const forward = async () => {
    const x = hold(4 * vectors.length);
    const found = hold(4 * indices.length);
    const books = hold(4 * layers);
    const addresses = new Map<Float32Array, number>();
    for (const codebook of codebooks) {
      if (!addresses.has(codebook)) addresses.set(codebook, hold(4 * codebook.length));
    }
    for (const [codebook, start] of addresses) memory.f32(start, codebook.length).set(codebook);
    memory.f32(x, vectors.length).set(vectors);
    memory.i32(found, indices.length).set(indices);
    const starts = codebooks.map((codebook) => addresses.get(codebook) as number);
    memory.i32(books, layers).set(starts);

    const passing: number[] = [];
    const borrow = (bytes: number) => {
      const start = memory.allocate(bytes);
      passing.push(start);
      return start;
    };
    try {
      const left = borrow(4 * vectors.length); // residuals, then the sum of the codes
      const column = borrow(4 * rows);
      const errorsOfRows = borrow(4 * rows);
      const stats: AssignStats[] = [];
      const errors: number[] = [];
      for (const [q, start] of starts.entries()) {
        const codes = (codebooks[q] as Float32Array).length / dim;
        const from = q === 0 ? x : left;
        const own = memory.i32(column, rows);
        for (let n = 0; n < rows; n++) own[n] = indices[n * layers + q] as number;
        stats.push(await statsOf(pool, from, column, { rows, dim, codes }));
        take.residual?.(q, memory.f32(from, vectors.length));
        const to = q === layers - 1 ? 0 : left;
        const args = [start, dim, found + 4 * q, layers, from, to, errorsOfRows];
        await pool.run(takeCodes, { ...chunks, args });
        errors.push(sumOf(memory.f32(errorsOfRows, rows)));
      }
      const sizes = borrow(4 * layers);
      memory.i32(sizes, layers).set(codebooks.map(({ length }) => length / dim));
      await pool.run(decodeSum, { ...chunks, args: [books, sizes, layers, dim, found, left] });
      const sum = memory.f32(left, vectors.length);
      markInvalid(sum, indices, layers, dim);
      take.sum(sum);
      return { x, found, books, stats, errors };
    } finally {
      for (const start of passing) memory.free(start);
    }
  };

  const { x, found, books, stats, errors } = await pool.exclusive(async () => {
    try {
      return await forward();
    } catch (error) {
      release();
      throw error;
    }
  });

  return {
    stats,
    errors,
    back: (gradient, weights, rotates, taken) =>
      pool.exclusive(async () => {
        const given = memory.allocate(4 * gradient.length);
        const out = memory.allocate(4 * gradient.length);
        const factors = memory.allocate(4 * layers);
        try {
          memory.f32(factors, layers).set(weights);
          const args = [books, layers, dim, found, x, given, factors, rotates ? 1 : 0, out];
          const fill = (begin: number, end: number) => {
            const part = gradient.subarray(begin * dim, end * dim);
            memory.f32(given + 4 * begin * dim, part.length).set(part);
          };
          await pool.run(passBack, { ...chunks, scratch: 4 * dim, args, fill });
          taken(memory.f32(out, gradient.length));
        } finally {
          for (const start of [given, out, factors]) memory.free(start);
        }
      }),
    dispose() {
      pool.exclusive(release).catch(() => {}); // a pool that is disposed of has no memory to free
    },
  };
}

/** Statistics of vectors in the pool's memory, in the segments that define the sums. */
async function statsOf(
  pool: Pool,
  vectors: number,
  indices: number,
  { rows, dim, codes }: { rows: number; dim: number; codes: number },
): Promise<AssignStats> {
  const segment = Math.min(rows, segmentRows(dim));
  const stats = await createStats(pool, { dim, codes, rows: segment });
  try {
    for (let first = 0; first < rows; first += segment) {
      const count = Math.min(segment, rows - first);
      await stats.add(vectors + 4 * first * dim, indices + 4 * first, count);
    }
    return stats.read();
  } finally {
    stats.free();
  }
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
