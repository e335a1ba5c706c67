import { checkChoice, expected } from "../../errors.ts";
import { checkFloats, checkKernelOptions } from "../arguments.ts";
import { levelsKernels } from "../engine/binaries/levels.ts";
import { defaultPool } from "../engine/createPool.ts";
import { supports } from "../engine/kernelModule.ts";
import { runInParts } from "../engine/parts.ts";
import type { Pool } from "../engine/pool.ts";
import { type InvalidOption, invalidRow } from "../invalid.ts";
import {
  decodeLevelsReference,
  type EncodedLevels,
  encodeLevelsReference,
  type WideIndices,
} from "./encodeLevels.reference.ts";
import { checkCodec, type LevelCodec, type LevelEncoding } from "./levelCodec.ts";

export type { EncodedLevels, WideIndices } from "./encodeLevels.reference.ts";

/** Options of `encodeLevels` and `encodeSigns`. */
export interface EncodeLevelsOptions extends InvalidOption {
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
}

/** Up to so many levels all thresholds are compared, four values at a time; then bisection is faster. */
const COMPARED_LEVELS = 24;

/**
 * Indices of scalar-quantized vectors: `sum over d of level(x[d]) * basis[d]`, in integers.
 *
 * ```ts
 * const codec = fsqCodec({ levels: [8, 5, 5, 5] });
 * const { indices } = await encodeLevels(codec, vectors);
 * const values = await decodeLevels(codec, indices);
 * ```
 *
 * @param codec from `fsqCodec`, `fspCodec` or `levelCodec`
 * @param vectors raw values `[N, D]`
 * @returns `indices` `[N]`: Int32Array up to a codebook size of 2^31, else BigInt64Array
 * @throws if the length is not a multiple of D, or a vector is not finite
 */
export async function encodeLevels(
  codec: LevelEncoding,
  vectors: Float32Array,
  options: EncodeLevelsOptions = {},
): Promise<EncodedLevels> {
  checkKernelOptions("encodeLevels", options, ["invalid", "pool"]);
  checkCodec("encodeLevels", codec);
  checkFloats("encodeLevels: vectors", vectors);
  const { invalid = "throw" } = options;
  checkChoice("encodeLevels: invalid", invalid, ["throw", "mark"]);
  const { dim, wide } = codec;
  if (vectors.length % dim !== 0) {
    throw expected("encodeLevels: vectors", `a multiple of ${dim} numbers`, vectors.length);
  }
  const rows = vectors.length / dim;
  if (!supports("plain")) {
    const encoded = encodeLevelsReference(codec, vectors);
    return checkInvalid("encodeLevels", vectors, dim, encoded, invalid);
  }
  const pool = options.pool ?? defaultPool();
  const indices = wide ? new BigInt64Array(rows) : new Int32Array(rows);
  const most = Math.max(...codec.levels);
  const compared = most <= COMPARED_LEVELS;
  const cuts = compared ? interleavedCuts(codec) : codec.thresholds;

  return pool.exclusive(async (scope) => {
    const kernels = await pool.load(levelsKernels, pool.form);
    const kernel = compared ? kernels.encodeLevels : kernels.encodeManyLevels;
    const table = scope.copyOf(cuts);
    const shape = compared ? most - 1 : scope.copyOf(Int32Array.from(codec.levels));
    const places = scope.copyOf(BigInt64Array.from(codec.basis));
    const outside = { rows, from: vectors, to: [indices] };
    const invalidRows = await runInParts(pool, scope, kernel, outside, (n, x, to) => ({
      chunkRows: Math.max(4, Math.floor(2 ** 14 / dim / 4) * 4),
      work: 32 * n * dim,
      scratch: 16 * dim,
      args: [x, dim, table, shape, places, to, wide ? 1 : 0],
    }));
    return checkInvalid("encodeLevels", vectors, dim, { indices, invalidRows }, invalid);
  });
}

/**
 * Values of scalar-quantized vectors from their indices; zeros for index -1.
 *
 * @param codec as in `encodeLevels`
 * @param indices `[N]`
 * @returns float32 `[N, D]`
 * @throws if an index is below -1 or past the last code
 */
export async function decodeLevels(
  codec: LevelCodec,
  indices: WideIndices,
  options: { readonly pool?: Pool } = {},
): Promise<Float32Array<ArrayBuffer>> {
  checkKernelOptions("decodeLevels", options, ["pool"]);
  checkCodec("decodeLevels", codec);
  if (!(codec.values instanceof Float32Array)) {
    throw expected("decodeLevels: codec", "one with values", codec);
  }
  checkWide("decodeLevels: indices", indices);
  const { dim } = codec;
  const size = codebookSize(codec);
  if (!supports("plain")) {
    checkLevelIndices("decodeLevels", indices, size);
    return decodeLevelsReference(codec, indices);
  }
  const pool = options.pool ?? defaultPool();
  const rows = indices.length;
  const out = new Float32Array(rows * dim);
  const wide = indices instanceof BigInt64Array;

  return pool.exclusive(async (scope) => {
    const kernels = await pool.load(levelsKernels, pool.form);
    const values = scope.copyOf(codec.values);
    const counts = scope.copyOf(Int32Array.from(codec.levels));
    const outside = { rows, from: indices, to: [out] };
    const bad = await runInParts(pool, scope, kernels.decodeLevels, outside, (n, at, to) => ({
      chunkRows: Math.max(1, Math.floor(2 ** 14 / dim)),
      work: 32 * n * dim,
      args: [at, wide ? 1 : 0, dim, counts, values, to],
    }));
    if (bad > 0) checkLevelIndices("decodeLevels", indices, size);
    return out;
  });
}

function codebookSize({ basis, levels }: LevelCodec): bigint {
  const last = levels.length - 1;
  return (basis[last] as bigint) * BigInt(levels[last] as number);
}

/** Throws unless `indices` are of a kind that encoding gives. */
export function checkWide(where: string, indices: unknown): asserts indices is WideIndices {
  if (indices instanceof Int32Array || indices instanceof BigInt64Array) return;
  throw expected(where, "an Int32Array or a BigInt64Array", indices);
}

/** Throws at the first index outside -1 ... `size` - 1. */
export function checkLevelIndices(where: string, indices: WideIndices, size: bigint): void {
  for (let n = 0; n < indices.length; n++) {
    const index = indices[n]!;
    if (index < -1 || index >= size) {
      throw expected(`${where}: indices[${n}]`, `-1 or 0 ... ${size - 1n}`, index);
    }
  }
}

/** What was encoded; or an error for the first vector that is not finite, which has index -1. */
export function checkInvalid(
  where: string,
  vectors: Float32Array,
  dim: number,
  encoded: EncodedLevels,
  invalid: "throw" | "mark",
): EncodedLevels {
  const { indices, invalidRows } = encoded;
  if (invalidRows === 0 || invalid === "mark") return encoded;
  const row = indices instanceof BigInt64Array ? indices.indexOf(-1n) : indices.indexOf(-1);
  throw invalidRow(where, vectors, dim, row);
}

/** Thresholds in the order in which the kernel meets the values of four rows; see `assembly/levels.ts`. */
export function interleavedCuts({ dim, levels, thresholds }: LevelEncoding): Float32Array {
  const depth = Math.max(...levels) - 1;
  const cuts = new Float32Array(4 * dim * depth).fill(Number.NaN);
  const firsts = [0];
  for (const count of levels) firsts.push((firsts[firsts.length - 1] as number) + count - 1);
  for (let i = 0; i < 4 * dim; i++) {
    const d = i % dim;
    for (let j = 0; j < (levels[d] as number) - 1; j++) {
      cuts[((i >> 2) * depth + j) * 4 + (i & 3)] = thresholds[(firsts[d] as number) + j] as number;
    }
  }
  return cuts;
}
