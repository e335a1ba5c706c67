import { checkInteger, expected } from "../../errors.ts";
import { checkFloats, checkInts, checkKernelOptions } from "../arguments.ts";
import { type AssignStats, createStats, type Stats, segmentRows } from "../codes/assignStats.ts";
import { checkCodebookArrays, checkLayerIndices, type DecodeOptions } from "../codes/gather.ts";
import { codesKernels } from "../engine/binaries/codes.ts";
import { defaultPool } from "../engine/createPool.ts";
import { supports } from "../engine/kernelModule.ts";
import { residualStatsReference } from "./residualStats.reference.ts";

/**
 * Counts and sums for every layer of a residual quantizer: those of `assignStats` for the residuals
 * that the layer saw, `r_q = vectors - sum over i < q of codebooks[i][indices[., i]]`.
 *
 * A vector whose index in a layer is -1 (a dropped layer) is left out of that layer's statistics.
 * The same to the bit for any number of threads, as `assignStats`.
 *
 * @param vectors `[N, D]`
 * @param indices `[N, Q]`, 0 ... K_q - 1 or -1
 * @param codebooks Q times `[K_q, D]`
 * @returns for each layer counts int32 `[K_q]` and sums float32 `[K_q, D]`
 * @throws if an index is out of range, or the lengths do not fit together
 */
export async function residualStats(
  vectors: Float32Array,
  indices: Int32Array,
  codebooks: readonly Float32Array[],
  options: Pick<DecodeOptions, "dim" | "pool">,
): Promise<AssignStats[]> {
  checkKernelOptions("residualStats", options, ["dim", "pool"]);
  const { dim } = options;
  checkInteger("residualStats: dim", dim);
  checkCodebookArrays("residualStats", codebooks, dim);
  checkFloats("residualStats: vectors", vectors);
  checkInts("residualStats: indices", indices);
  const layers = codebooks.length;
  const rows = vectors.length / dim;
  if (indices.length !== rows * layers) {
    throw expected(
      "residualStats: indices",
      `${rows} x ${layers}, as for the vectors`,
      indices.length,
    );
  }
  checkLayerIndices("residualStats", codebooks, indices, dim);
  if (!supports("plain")) return residualStatsReference(vectors, indices, codebooks, dim);
  const pool = options.pool ?? defaultPool();
  return pool.exclusive(async (scope) => {
    const { memory } = pool;
    const { subtractCodes } = await pool.load(codesKernels, pool.form);
    const segment = Math.min(rows, segmentRows(dim));
    const x = scope.allocate(4 * segment * dim);
    const at = scope.allocate(4 * segment);
    const book = scope.allocate(4 * Math.max(...codebooks.map(({ length }) => length)));
    const all: Stats[] = [];
    for (const { length } of codebooks) {
      const size = { dim, codes: length / dim, rows: segment };
      all.push(scope.adopt(await createStats(pool, size)));
    }
    for (let first = 0; first < rows; first += segment) {
      const count = Math.min(segment, rows - first);
      memory.write(x, vectors.subarray(first * dim, (first + count) * dim));
      for (const [q, stats] of all.entries()) {
        const column = memory.i32(at, count);
        for (let n = 0; n < count; n++) column[n] = indices[(first + n) * layers + q]!;
        await stats.add(x, at, count);
        if (q === layers - 1) break;
        const codebook = codebooks[q]!;
        memory.write(book, codebook);
        await pool.run(subtractCodes, {
          rows: count,
          chunkRows: Math.max(1, Math.floor(2 ** 15 / dim)),
          work: 16 * count * dim, // bound by memory
          args: [book, codebook.length / dim, dim, at, x],
        });
      }
    }
    return all.map((stats) => stats.read());
  });
}
