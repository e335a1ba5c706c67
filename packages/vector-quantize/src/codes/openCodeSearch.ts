import { checkBoolean, checkInteger, expected, VectorQuantizeError } from "../errors.ts";
import { checkKernelOptions } from "../kernels/arguments.ts";
import type { Pool } from "../kernels/engine/pool.ts";
import type { CodeRows } from "../kernels/scan/codeEngine.ts";
import type { CodeSearch } from "../kernels/scan/codeSearch.ts";
import { emptySearch } from "../kernels/scan/createCodeSearch.ts";
import { checkUsable } from "../kernels/scan/vectors.ts";
import { ByteReader, checkSum } from "./bytes.ts";
import {
  FRONT,
  type IndexHeader,
  MAGIC,
  PIECE,
  parseIndexHeader,
  quantizerOf,
  sectionsOf,
} from "./codeIndex.ts";
import { sourceOf, type VqInput, type VqSource } from "./source.ts";

/** Options of `openCodeSearch`. */
export interface OpenCodeSearchOptions {
  /** Whether vectors that the file has are read too. Default true. */
  readonly vectors?: boolean;
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
}

/**
 * Opens an index that `saveCodeSearch` wrote: it gives the same answers.
 *
 * The file is read in pieces of a megabyte, and only what is asked for: without `vectors` a page that reads by ranges
 * loads the codes alone.
 *
 * ```ts
 * import { openCodeSearch } from "vector-quantize/search";
 *
 * async function load(url: string, size: number) {
 *   const read = async (offset: number, length: number) => {
 *     const range = `bytes=${offset}-${offset + length - 1}`;
 *     const response = await fetch(url, { headers: { range } });
 *     return new Uint8Array(await response.arrayBuffer());
 *   };
 *   return openCodeSearch({ size, read }, { vectors: false });
 * }
 * ```
 *
 * @param input a Uint8Array, a Blob, an open file of Node's, or `{ size, read }`
 * @throws VectorQuantizeError for a file that is none or damaged
 */
export async function openCodeSearch(
  input: VqInput,
  options: OpenCodeSearchOptions = {},
): Promise<CodeSearch> {
  checkKernelOptions("openCodeSearch", options, ["vectors", "pool"]);
  const { vectors = true, pool } = options;
  checkBoolean("openCodeSearch: vectors", vectors);
  const source = await sourceOf("index file", input);
  const { header, start } = await readHeader(source);
  const parts = await readSections(source, header, start, vectors);
  const keepVectors = header.vectors && vectors;
  const arrays = Object.fromEntries(
    (["center", "codebooks", "rotation"] as const).flatMap((name) => {
      const bytes = parts.get(name);
      return bytes === undefined ? [] : [[name, new Float32Array(bytes.buffer)]];
    }),
  );
  const coder = quantizerOf(header.quantizer, arrays, pool);
  const rows = rowsOf(header, parts, keepVectors);
  if (keepVectors) checkUsable("index file", rows.vectors, coder.dim);
  const { bytes } = coder;
  for (let n = 0; n < header.size; n++) {
    coder.checkCode(`index file: code ${n}`, rows.codes.subarray(n * bytes, (n + 1) * bytes));
  }
  const centroids = parts.get("centroids");
  const cells = centroids && new Float32Array(centroids.buffer);
  if (cells) checkUsable("index file: centroids", cells, coder.dim);
  const search = await emptySearch(coder, {
    keepVectors,
    ...(cells && { cells }),
    ...(pool && { pool }),
  });
  try {
    await search.restore(rows, header.nextId);
    return search;
  } catch (error) {
    search.dispose();
    throw error;
  }
}

async function readHeader(source: VqSource): Promise<{ header: IndexHeader; start: number }> {
  const front = new ByteReader(await source.read(0, FRONT), "index file");
  const magic = front.raw(MAGIC.length);
  if (magic.some((byte, i) => byte !== MAGIC[i])) {
    throw expected("index file", `bytes ${[...MAGIC]} at its start`, [...magic]);
  }
  const length = front.uint32();
  const text = await source.read(FRONT, length);
  checkSum("index file: header", front.uint32(), text);
  return { header: parseIndexHeader(new TextDecoder().decode(text)), start: FRONT + length };
}

/** The bytes of the sections that are asked for. */
async function readSections(
  source: VqSource,
  header: IndexHeader,
  start: number,
  vectors: boolean,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const sections = sectionsOf(header);
  const end = sections.reduce((sum, { bytes }) => sum + bytes, start);
  if (end !== source.size) throw expected("index file", `${end} bytes`, source.size);
  const parts = new Map<string, Uint8Array<ArrayBuffer>>();
  let at = start;
  for (const { name, bytes } of sections) {
    if (name !== "vectors" || vectors) {
      parts.set(name, await readSection(source, name, at, bytes, header.sums[name]));
    }
    at += bytes;
  }
  return parts;
}

async function readSection(
  source: VqSource,
  name: string,
  start: number,
  length: number,
  sums: readonly number[] | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces = Math.ceil(length / PIECE);
  if (!Array.isArray(sums) || sums.length !== pieces) {
    throw expected(`index file: checksums of ${name}`, `${pieces} of them`, sums);
  }
  const section = new Uint8Array(length);
  for (let i = 0; i < pieces; i++) {
    const size = Math.min(PIECE, length - i * PIECE);
    const piece = await source.read(start + i * PIECE, size);
    checkInteger(`index file: checksum ${i} of ${name}`, sums[i], 0, 2 ** 32 - 1);
    checkSum(`index file: ${name}, piece ${i}`, sums[i], piece);
    section.set(piece, i * PIECE);
  }
  return section;
}

function rowsOf(
  header: IndexHeader,
  parts: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  keepVectors: boolean,
): CodeRows {
  const { size, nextId } = header;
  const ids = new Int32Array(parts.get("ids")!.buffer);
  for (const [n, id] of ids.entries()) {
    if (id >= 0 && id < nextId) continue;
    throw expected(`index file: id ${n}`, `an integer from 0 to ${nextId - 1}`, id);
  }
  const counts = parts.get("counts");
  return {
    ids,
    codes: parts.get("codes")!,
    cells: counts ? cellsOf(new Int32Array(counts.buffer), size) : new Int32Array(size),
    vectors: keepVectors ? new Float32Array(parts.get("vectors")!.buffer) : new Float32Array(0),
  };
}

/** The cells of codes that lie cell after cell. */
function cellsOf(counts: Int32Array, size: number): Int32Array {
  const cells = new Int32Array(size);
  let at = 0;
  for (const [cell, count] of counts.entries()) {
    if (count < 0 || count > size - at) break;
    cells.fill(cell, at, at + count);
    at += count;
  }
  const sum = counts.reduce((all, count) => all + count, 0);
  if (at === size && sum === size) return cells;
  throw new VectorQuantizeError(`index file: expected ${size} codes in its lists, got ${sum}`);
}
