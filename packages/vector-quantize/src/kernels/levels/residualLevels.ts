import { checkChoice, expected } from "../../errors.ts";
import { checkFloats, checkInts, checkKernelOptions } from "../arguments.ts";
import { levelsKernels } from "../engine/binaries/levels.ts";
import { defaultPool } from "../engine/createPool.ts";
import { supports } from "../engine/kernelModule.ts";
import { runInParts } from "../engine/parts.ts";
import type { Pool } from "../engine/pool.ts";
import { invalidRow } from "../invalid.ts";
import { checkLevelIndices, type EncodeLevelsOptions, interleavedCuts } from "./encodeLevels.ts";
import { checkCodec, type LevelCodec } from "./levelCodec.ts";
import type { ResidualLevelCodec, ResidualLevels } from "./residualLevelCodec.ts";
import {
  decodeResidualLevelsReference,
  encodeResidualLevelsReference,
} from "./residualLevels.reference.ts";

/**
 * Indices of residual scalar-quantized vectors, all layers in one pass.
 *
 * ```ts
 * const codec = residualFsqCodec({ levels: [8, 5, 5], numQuantizers: 4 });
 * const { indices } = await encodeResidualLevels(codec, vectors); // [N, 4]
 * ```
 *
 * @param codec from `residualFsqCodec`
 * @param vectors raw values `[N, D]`
 * @throws if the length is not a multiple of D, or a vector is not finite
 */
export async function encodeResidualLevels(
  codec: ResidualLevelCodec,
  vectors: Float32Array,
  options: EncodeLevelsOptions = {},
): Promise<ResidualLevels> {
  const where = "encodeResidualLevels";
  checkKernelOptions(where, options, ["invalid", "pool"]);
  const { invalid = "throw" } = options;
  checkChoice(`${where}: invalid`, invalid, ["throw", "mark"]);
  const { dim, basis, levels } = narrow(where, codec);
  checkFloats(`${where}: vectors`, vectors);
  const layers = codec.scales.length;
  if (vectors.length % dim !== 0) {
    throw expected(`${where}: vectors`, `a multiple of ${dim} numbers`, vectors.length);
  }
  const rows = vectors.length / dim;
  const checked = (found: ResidualLevels) => {
    if (found.invalidRows === 0 || invalid === "mark") return found;
    const row = Math.floor(found.indices.indexOf(-1) / layers);
    throw invalidRow(where, vectors, dim, row);
  };
  if (!supports("plain")) return checked(encodeResidualLevelsReference(codec, vectors));
  const pool = options.pool ?? defaultPool();
  const indices = new Int32Array(rows * layers);
  const depth = Math.max(...levels) - 1;
  const { bound } = codec;
  const scales = codec.scales.flatMap((scale) => [...interleaved(dim, [inverses(scale), scale])]);

  return pool.exclusive(async (scope) => {
    const { encodeResidualLevels: kernel } = await pool.load(levelsKernels, pool.form);
    const tables = [
      bound ? scope.copyOf(interleaved(dim, bound)) : 0,
      scope.copyOf(Float32Array.from(scales)), // [Q, D, 2, 4]
      scope.copyOf(interleavedCuts(codec.codec)),
      scope.copyOf(interleavedValues(codec.codec)),
    ];
    const places = scope.copyOf(Int32Array.from(basis, Number));
    const outside = { rows, from: vectors, to: [indices] };
    const invalidRows = await runInParts(pool, scope, kernel, outside, (n, x, to) => ({
      chunkRows: Math.max(4, Math.floor(2 ** 13 / dim / 4) * 4),
      work: n * dim * (32 + 8 * layers * depth),
      scratch: 16 * dim * (layers + 1),
      args: [x, dim, layers, ...tables, depth, places, to],
    }));
    return checked({ indices, invalidRows });
  });
}

/**
 * The sums over the layers of residual scalar-quantized vectors, in the scale behind the bound; an
 * index of -1 adds nothing.
 *
 * @param indices `[N, Q]`
 * @returns float32 `[N, D]`
 * @throws if an index is below -1 or past the last code
 */
export async function decodeResidualLevels(
  codec: ResidualLevelCodec,
  indices: Int32Array,
  options: { readonly pool?: Pool } = {},
): Promise<Float32Array<ArrayBuffer>> {
  const where = "decodeResidualLevels";
  checkKernelOptions(where, options, ["pool"]);
  const { dim, basis, levels, values: table } = narrow(where, codec);
  checkInts(`${where}: indices`, indices);
  const layers = codec.scales.length;
  if (indices.length % layers !== 0) {
    throw expected(`${where}: indices`, `a multiple of ${layers}`, indices.length);
  }
  const size = levels.reduce((product, count) => product * count, 1);
  if (!supports("plain")) {
    checkLevelIndices(where, indices, BigInt(size));
    return decodeResidualLevelsReference(codec, indices);
  }
  const pool = options.pool ?? defaultPool();
  const rows = indices.length / layers;
  const out = new Float32Array(rows * dim);

  return pool.exclusive(async (scope) => {
    const { decodeResidualLevels: kernel } = await pool.load(levelsKernels, pool.form);
    const places = scope.copyOf(Int32Array.from(basis, Number));
    const counts = scope.copyOf(Int32Array.from(levels));
    const values = scope.copyOf(table);
    const scales = scope.copyOf(Float32Array.from(codec.scales.flat()));
    const outside = { rows, from: indices, to: [out] };
    const bad = await runInParts(pool, scope, kernel, outside, (n, at, to) => ({
      chunkRows: Math.max(1, Math.floor(2 ** 14 / dim)),
      work: 32 * n * layers * dim,
      args: [at, layers, size, dim, places, counts, values, scales, to],
    }));
    if (bad > 0) checkLevelIndices(where, indices, BigInt(size));
    return out;
  });
}

/** The codec of all layers; throws unless it and its scales fit together. */
function narrow(where: string, given: ResidualLevelCodec): LevelCodec {
  const { codec, scales, bound } = given ?? {};
  checkCodec(where, codec);
  const fits = (rows: unknown) =>
    Array.isArray(rows) && rows.every((row) => Array.isArray(row) && row.length === codec.dim);
  const bounded = bound === undefined || (fits(bound) && bound.length === 6);
  if (!fits(scales) || scales.length === 0 || !bounded) {
    throw expected(`${where}: codec`, "one from residualFsqCodec", given);
  }
  if (codec.wide) throw expected(`${where}: codec`, "at most 2^31 codes a layer", codec.levels);
  return codec;
}

const inverses = (scale: readonly number[]) => scale.map((value) => 1 / Math.fround(value));

/** Tables `[T][D]` in the order in which the kernel meets the values of four rows: `[D, T, 4]`. */
function interleaved(dim: number, tables: readonly (readonly number[])[]): Float32Array {
  const count = tables.length;
  return Float32Array.from({ length: 4 * dim * count }, (_, at) => {
    const value = 4 * Math.floor(at / (4 * count)) + (at % 4);
    const table = tables[Math.floor(at / 4) % count] as readonly number[];
    return table[value % dim] as number;
  });
}

/** The values of the levels likewise, `[D, depth + 1, 4]`. */
function interleavedValues({ dim, levels, values }: LevelCodec): Float32Array {
  const most = Math.max(...levels);
  const firsts = levels.map((_, d) => levels.slice(0, d).reduce((sum, count) => sum + count, 0));
  const tables = Array.from({ length: most }, (_, level) =>
    levels.map((count, d) => values[(firsts[d] as number) + Math.min(level, count - 1)] as number),
  );
  return interleaved(dim, tables);
}
