import { checkBoolean, checkBytes, expected } from "../../errors.ts";
import { checkFloats, checkInts, checkKernelOptions } from "../arguments.ts";
import { defaultPool } from "../engine/createPool.ts";
import { supports } from "../engine/kernelModule.ts";
import { createCells } from "./coarseCells.ts";
import { ReferenceEngine } from "./codeEngine.reference.ts";
import type { CodeQuantizer, ScanCoder } from "./codeQuantizer.ts";
import type { CodeSearch, CodeSearchOptions } from "./codeSearch.ts";
import { HeldCodes } from "./heldCodes.ts";
import { KernelEngine } from "./kernelEngine.ts";
import { PartQuantizer } from "./productCodes.ts";
import { SignQuantizer } from "./rabitq.ts";
import { checkUsable } from "./vectors.ts";

const known = ["ids", "keepVectors", "cells", "pool"];

/**
 * Puts codes, or vectors as codes, in order for searches.
 *
 * A scan compares a query with all codes by small integers, 32 codes at a time; the best are looked at again, by
 * float tables or, with `keepVectors`, by the vectors themselves. Many millions want `cells`.
 *
 * ```ts
 * import { createCodeSearch, rabitq } from "vector-quantize/search";
 *
 * const vectors = Float32Array.from({ length: 1000 * 32 }, (_, i) => Math.cos(i * i));
 * const search = await createCodeSearch(vectors, rabitq({ dim: 32 }), { keepVectors: true });
 * const query = vectors.subarray(32, 64);
 * const { ids } = await search.nearest(query, { k: 2, filter: (id) => id !== 1 }); // all but row 1
 * await search.remove([0, 1]);
 * search.dispose();
 * ```
 *
 * @param items codes `[N, bytes]` of `quantizer`, or vectors `[N, D]`, which it then makes codes of; any N
 * @param quantizer `rabitq`, which needs no training, or `productCodes`
 * @throws VectorQuantizeError for a length that does not fit, codes that are none of the quantizer's, codes where
 * vectors are needed
 */
export async function createCodeSearch(
  items: Float32Array | Uint8Array,
  quantizer: CodeQuantizer,
  options: CodeSearchOptions = {},
): Promise<CodeSearch> {
  const where = "createCodeSearch";
  checkKernelOptions(where, options, known);
  const { ids, keepVectors = false, cells, pool } = options;
  const coder = scanCoder(where, quantizer);
  checkBoolean(`${where}: keepVectors`, keepVectors);
  checkItems(where, items, coder);
  if (ids !== undefined) checkInts(`${where}: ids`, ids);
  if (cells !== undefined) {
    checkFloats(`${where}: cells`, cells);
    if (checkUsable(`${where}: cells`, cells, coder.dim) === 0) {
      throw expected(`${where}: cells`, "at least one center", cells.length);
    }
  }
  const search = await emptySearch(coder, {
    keepVectors,
    ...(cells && { cells }),
    ...(pool && { pool }),
  });
  try {
    await search.take(where, items, ids);
  } catch (error) {
    search.dispose();
    throw error;
  }
  return search;
}

/** A search without any codes. */
export async function emptySearch(
  coder: ScanCoder,
  options: Omit<CodeSearchOptions, "ids">,
): Promise<HeldCodes> {
  const { keepVectors = false, cells, pool } = options;
  const coarse = cells === undefined ? undefined : await createCells(cells, coder, pool);
  try {
    const shape = { cells: coarse?.count ?? 1, keepsVectors: keepVectors };
    const engine = supports("plain")
      ? await KernelEngine.create(pool ?? defaultPool(), coder, shape)
      : new ReferenceEngine(coder, shape);
    return new HeldCodes(coder, engine, keepVectors, coarse);
  } catch (error) {
    coarse?.dispose();
    throw error;
  }
}

/** Throws unless `quantizer` is one of this library's. */
export function scanCoder(where: string, quantizer: unknown): ScanCoder {
  if (quantizer instanceof SignQuantizer || quantizer instanceof PartQuantizer) return quantizer;
  throw expected(`${where}: quantizer`, "one from rabitq or productCodes", quantizer);
}

/** Throws unless `items` are floats or bytes. */
function checkItems(where: string, items: unknown, { dim, bytes }: ScanCoder): void {
  if (items instanceof Float32Array) {
    checkUsable(where, items, dim);
    return;
  }
  checkBytes(`${where}: codes`, items);
  if (items.length % bytes !== 0) {
    throw expected(`${where}: codes length`, `a multiple of ${bytes} bytes`, items.length);
  }
}
