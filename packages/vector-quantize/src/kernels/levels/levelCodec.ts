import { checkInteger, expected } from "../../errors.ts";
import { checkList } from "../arguments.ts";
import { type LevelOf, thresholdsOf } from "./thresholds.ts";

/**
 * A quantizer of single values as two tables, which is all that the kernels need: `x` has as its
 * level in a dimension the number of thresholds that are at most `x`, and a level decodes to a
 * value. Every rising rounding rule (a tanh bound, a clamp, a distribution function) becomes such
 * tables, so encoding is comparisons and integer sums: exact, and the same on every machine.
 *
 * The index is `sum of level[d] * basis[d]`, `basis[d] = product of levels[0 ... d - 1]`: the first
 * dimension is the fastest. It is an int32 while the codebook size is at most 2^31, and an int64
 * (`BigInt64Array`) up to 2^63; it never passes through a float.
 */
export interface LevelCodec {
  /** Values per vector `D`. */
  readonly dim: number;
  /** Levels per dimension `[D]`. */
  readonly levels: readonly number[];
  /** Place value of each dimension's level `[D]`. */
  readonly basis: readonly bigint[];
  /** Whether indices need 64 bits. */
  readonly wide: boolean;
  /** Rising thresholds, `levels[d] - 1` for each dimension, one after the other; NaN where never reached. */
  readonly thresholds: Float32Array;
  /** Values, `levels[d]` for each dimension, one after the other. */
  readonly values: Float32Array;
}

/** What encoding takes of a codec. */
export type LevelEncoding = Omit<LevelCodec, "values">;

/** How one dimension of `count` levels rounds and decodes. */
export interface LevelRule {
  readonly level: LevelOf;
  /** Decoded value of a level. */
  value(level: number, count: number): number;
}

/** Most levels of a dimension: each has a threshold that is searched for. */
const MOST_LEVELS = 2 ** 20;

/** Builds the tables of a codec from its rule. Throws if the codebook size exceeds 2^63. */
export function levelCodec(where: string, levels: readonly number[], rule: LevelRule): LevelCodec {
  const basis = checkCodecLevels(where, levels);
  if (typeof rule?.level !== "function" || typeof rule.value !== "function") {
    throw expected(`${where}: rule`, "an object of the functions level and value", rule);
  }
  const size = (basis[levels.length - 1] as bigint) * BigInt(levels[levels.length - 1] as number);
  return {
    dim: levels.length,
    levels: [...levels],
    basis,
    wide: size > 2n ** 31n,
    thresholds: Float32Array.from(levels.flatMap((count) => [...thresholdsOf(rule.level, count)])),
    values: Float32Array.from(levels.flatMap((count) => valuesOf(rule, count))),
  };
}

/** Throws unless these can be the levels of a codec. Returns the place value of each dimension. */
export function checkCodecLevels(where: string, levels: unknown): bigint[] {
  checkList(`${where}: levels`, levels);
  const basis: bigint[] = [];
  let size = 1n;
  for (const [d, count] of levels.entries()) {
    checkInteger(`${where}: levels[${d}]`, count, 2);
    if (count > MOST_LEVELS) throw expected(`${where}: levels[${d}]`, "at most 2^20", count);
    basis.push(size);
    size *= BigInt(count);
    if (size > 2n ** 63n) {
      throw expected(
        `${where}: levels`,
        "a codebook size of at most 2^63",
        levels,
        "Split the dimensions into several codebooks",
      );
    }
  }
  return basis;
}

/** Throws unless `codec` has the tables of one. */
export function checkCodec(where: string, codec: unknown): asserts codec is LevelEncoding {
  const { dim, levels, basis, thresholds, values } = (codec ?? {}) as Partial<LevelCodec>;
  const dims = (list: unknown) => Array.isArray(list) && list.length === dim && list.length > 0;
  const total = dims(levels) ? (levels as number[]).reduce((sum, count) => sum + count, 0) : -1;
  const fits =
    dims(basis) &&
    thresholds instanceof Float32Array &&
    thresholds.length === total - (dim as number) &&
    (values === undefined || (values instanceof Float32Array && values.length === total));
  if (!fits) {
    throw expected(`${where}: codec`, "one from fsqCodec, fspCodec or levelCodec", codec);
  }
}

function valuesOf(rule: LevelRule, count: number): number[] {
  return Array.from({ length: count }, (_, level) => rule.value(level, count));
}
