import { checkBoolean, checkChoice, checkInteger, checkNumber, expected } from "../../errors.ts";
import { checkKernelOptions, checkList } from "../arguments.ts";
import { checkCodebookArrays } from "../codes/gather.ts";
import { defaultPool } from "../engine/createPool.ts";
import { supports } from "../engine/kernelModule.ts";
import { checkLimit } from "../invalid.ts";
import { fastestTile } from "../search/tileChoice.ts";
import { createPackedResidualSearch } from "./packedResidualSearch.ts";
import { ReferenceResidualSearch } from "./residualSearch.reference.ts";
import type { ResidualSearch, ResidualSearchOptions, ResidualSettings } from "./residualSearch.ts";

const MOST_BEAM = 16;

/**
 * Residual quantization: `indices[n, q] = argmin over k of |r - c_q[k]|^2`, then `r -= c_q[index]`,
 * from `r = vectors[n]`, for all layers while the residual is in cache.
 *
 * Without a beam the code of each layer is the exact nearest (the lowest index on ties), the same in
 * every engine. With a beam the best sequences are ranked by float32 distances, also the same in
 * every engine; of equal ones the earlier sequence wins, then the lower index.
 *
 * ```ts
 * const search = await createResidualSearch(codebooks, { dim: 256, beam: 4 });
 * const { indices } = await search.nearest(vectors);
 * ```
 *
 * A beam tries every code after each sequence that it keeps. Where it pays, the products between the
 * codes of any two layers are kept in tables, `4 K^2 Q (Q - 1) / 2` bytes and at most 512 MB: the scan
 * is then done once for all sequences (Babenko and Lempitsky, Additive Quantization for Extreme Vector
 * Compression, 2014; faiss does the same).
 *
 * @param codebooks Q times `[K_q, D]`; one array given for several layers is packed once
 * @throws if a length does not fit, or a code is not finite
 */
export async function createResidualSearch(
  codebooks: readonly Float32Array[],
  options: ResidualSearchOptions,
): Promise<ResidualSearch> {
  const settings = checkArguments(codebooks, options);
  if (!supports("plain")) return new ReferenceResidualSearch(codebooks, settings);
  const pool = options.pool ?? defaultPool();
  const form = options.reproducible ? "plain" : pool.form;
  const tile = await pool.exclusive(() => fastestTile(pool, form, settings.dim));
  return createPackedResidualSearch(pool, tile, form, codebooks, settings);
}
function checkArguments(
  codebooks: readonly Float32Array[],
  options: ResidualSearchOptions,
): ResidualSettings {
  const where = "createResidualSearch";
  checkKernelOptions(where, options, [
    "dim",
    "beam",
    "rank",
    "weights",
    "reproducible",
    "invalid",
    "limit",
    "pool",
  ]);
  const { dim, beam = 1, rank = "last", invalid = "throw", reproducible = false } = options;
  const { limit = Number.POSITIVE_INFINITY } = options;
  checkInteger(`${where}: dim`, dim);
  checkInteger(`${where}: beam`, beam);
  if (beam > MOST_BEAM) throw expected(`${where}: beam`, `at most ${MOST_BEAM}`, beam);
  checkChoice(`${where}: rank`, rank, ["last", "sum"]);
  checkChoice(`${where}: invalid`, invalid, ["throw", "mark"]);
  checkBoolean(`${where}: reproducible`, reproducible);
  checkLimit(`${where}: limit`, limit);
  checkCodebookArrays(where, codebooks, dim);
  const layers = codebooks.length;
  const { weights = codebooks.map(() => 1) } = options;
  checkList(`${where}: weights`, weights);
  if (weights.length !== layers) throw expected(`${where}: weights`, `${layers} weights`, weights);
  for (const weight of weights) checkNumber(`${where}: weights`, weight, Number.MIN_VALUE);
  const carry = rank === "sum" ? 1 : 0;
  return { dim, beam, carry, weights, throws: invalid === "throw", limit };
}
