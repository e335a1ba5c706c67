import { checkInteger, expected } from "../../errors.ts";
import { checkFloats, checkInts, checkKernelOptions, checkList } from "../arguments.ts";
import { codesKernels } from "../engine/binaries/codes.ts";
import { defaultPool } from "../engine/createPool.ts";
import { supports } from "../engine/kernelModule.ts";
import type { Scope } from "../engine/memory.ts";
import { runInParts } from "../engine/parts.ts";
import type { Pool } from "../engine/pool.ts";
import { decodeSumReference } from "./gather.reference.ts";

/** Options of `gather` and `decodeSum`. */
export interface DecodeOptions {
  /** Features of a vector, D. */
  readonly dim: number;
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
  /**
   * Where the answer goes, `[N, D]`. Default: a new array. For many vectors, getting a new array's
   * memory from the system takes several times as long as the sums.
   */
  readonly out?: Float32Array<ArrayBuffer>;
}

/**
 * Code vectors by index: `out[n] = codebook[indices[n]]`; zeros for index -1.
 *
 * @param codebook `[K, D]`
 * @param indices `[N]`, 0 ... K - 1 or -1
 * @returns float32 `[N, D]`: `out`, if it is given
 * @throws if an index is out of range, or `out` does not fit
 */
export async function gather(
  codebook: Float32Array,
  indices: Int32Array,
  options: DecodeOptions,
): Promise<Float32Array<ArrayBuffer>> {
  return decodeSum([codebook], indices, options);
}

/**
 * What a residual quantizer decodes to: `out[n] = sum over q of codebooks[q][indices[n, q]]`, added
 * in the order of the layers in float32; index -1 (a dropped layer) adds nothing.
 *
 * @param codebooks Q times `[K_q, D]`; a shared codebook is given Q times
 * @param indices `[N, Q]`, 0 ... K_q - 1 or -1
 * @returns float32 `[N, D]`: `out`, if it is given
 * @throws if an index is out of range, or a length does not fit
 */
export async function decodeSum(
  codebooks: readonly Float32Array[],
  indices: Int32Array,
  options: DecodeOptions,
): Promise<Float32Array<ArrayBuffer>> {
  checkKernelOptions("decodeSum", options, ["dim", "pool", "out"]);
  const { dim } = options;
  checkInteger("decodeSum: dim", dim);
  checkCodebookArrays("decodeSum", codebooks, dim);
  checkInts("decodeSum: indices", indices);
  const layers = codebooks.length;
  if (indices.length % layers !== 0) {
    throw expected("decodeSum: indices", `a multiple of ${layers} layers`, indices.length);
  }
  const rows = indices.length / layers;
  checkLayerIndices("decodeSum", codebooks, indices, dim);
  const out = options.out === undefined ? new Float32Array(rows * dim) : options.out;
  checkFloats("decodeSum: out", out);
  if (out.length !== rows * dim) {
    throw expected("decodeSum: out", `${rows} x ${dim} numbers`, out.length);
  }
  if (!supports("plain")) {
    out.set(decodeSumReference(codebooks, indices, dim));
    return out;
  }
  const pool = options.pool ?? defaultPool();
  return pool.exclusive(async (scope) => {
    const kernels = await pool.load(codesKernels, pool.form);
    const books = scope.copyOf(addressesOf(codebooks, scope));
    const sizes = scope.copyOf(Int32Array.from(codebooks, ({ length }) => length / dim));
    const outside = { rows, from: indices, to: [out] };
    await runInParts(pool, scope, kernels.decodeSum, outside, (n, at, to) => ({
      chunkRows: Math.max(1, Math.floor(2 ** 15 / dim)),
      work: 16 * n * dim * layers, // bound by memory
      args: [books, sizes, layers, dim, at, to],
    }));
    return out;
  });
}

/** Copies of the codebooks, of one array given for several layers once: their addresses. */
export function addressesOf(codebooks: readonly Float32Array[], scope: Scope): Int32Array {
  const distinct = new Map<Float32Array, number>();
  for (const codebook of codebooks) {
    if (!distinct.has(codebook)) distinct.set(codebook, scope.copyOf(codebook));
  }
  return Int32Array.from(codebooks, (codebook) => distinct.get(codebook) as number);
}

/** Throws unless there is a codebook and each holds whole codes. */
export function checkCodebookArrays(
  where: string,
  codebooks: readonly Float32Array[],
  dim: number,
): void {
  checkList(`${where}: codebooks`, codebooks);
  for (const [q, codebook] of codebooks.entries()) {
    checkFloats(`${where}: codebooks[${q}]`, codebook);
    const { length } = codebook;
    if (length === 0 || length % dim !== 0) {
      throw expected(`${where}: codebooks[${q}]`, `codes of ${dim} numbers`, length);
    }
  }
}

/** Throws unless all indices are -1 or those of a code of their layer. */
export function checkLayerIndices(
  where: string,
  codebooks: readonly Float32Array[],
  indices: Int32Array,
  dim: number,
): void {
  const sizes = codebooks.map(({ length }) => length / dim);
  const layers = sizes.length;
  for (let i = 0; i < indices.length; ) {
    for (let q = 0; q < layers; q++, i++) {
      const index = indices[i]!;
      if (index >= -1 && index < sizes[q]!) continue;
      const row = (i - q) / layers;
      throw expected(`${where}: row ${row}, layer ${q}`, `-1 or 0 ... ${sizes[q]! - 1}`, index);
    }
  }
}
