import { expected } from "../errors.ts";
import type { CodeSearch } from "../kernels/scan/codeSearch.ts";
import { HeldCodes } from "../kernels/scan/heldCodes.ts";
import { ByteWriter, crc32c } from "./bytes.ts";
import { FRONT, MAGIC, PIECE, sectionsOf, settingsOf } from "./codeIndex.ts";

/**
 * An index as a file, which `openCodeSearch` reads: codes, ids, codebooks and centers, and the vectors if they are
 * kept. The layout is in `docs/vq-format.md`.
 *
 * ```ts
 * import { createCodeSearch, openCodeSearch, rabitq, saveCodeSearch } from "vector-quantize/search";
 *
 * const search = await createCodeSearch(new Float32Array(640), rabitq({ dim: 64 }));
 * const bytes = await saveCodeSearch(search);
 * const again = await openCodeSearch(bytes); // gives the same answers
 * search.dispose();
 * again.dispose();
 * ```
 *
 * @throws VectorQuantizeError for a search that is not in use
 */
export async function saveCodeSearch(search: CodeSearch): Promise<Uint8Array<ArrayBuffer>> {
  if (!(search instanceof HeldCodes)) {
    throw expected("saveCodeSearch: search", "one from createCodeSearch", search);
  }
  const { rows, centroids, nextId } = await search.content();
  const { quantizer, cells } = search;
  const counts = new Int32Array(cells);
  if (cells > 0) for (const cell of rows.cells) counts[cell]!++;
  const arrays: Record<string, ArrayBufferView> = {
    ...quantizer.saved.arrays,
    ...(centroids && { centroids, counts }),
    ids: rows.ids,
    codes: rows.codes,
    vectors: rows.vectors,
  };
  const head = {
    quantizer: settingsOf(quantizer),
    size: rows.ids.length,
    cells,
    vectors: search.keepsVectors,
  };
  const sections = sectionsOf(head).map(({ name }) => {
    const { buffer, byteOffset, byteLength } = arrays[name]!;
    return { name, bytes: new Uint8Array(buffer, byteOffset, byteLength) };
  });
  const sums = Object.fromEntries(sections.map(({ name, bytes }) => [name, sumsOf(bytes)]));
  const text = new TextEncoder().encode(JSON.stringify({ ...head, nextId, sums }));
  const front = new ByteWriter().raw(MAGIC).uint32(text.length).uint32(crc32c(text)).done();
  const length = sections.reduce((sum, { bytes }) => sum + bytes.length, FRONT + text.length);
  const file = new Uint8Array(length);
  let at = 0;
  for (const part of [front, text, ...sections.map(({ bytes }) => bytes)]) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** The checksums of the pieces of a section. */
function sumsOf(bytes: Uint8Array): number[] {
  return Array.from({ length: Math.ceil(bytes.length / PIECE) }, (_, i) =>
    crc32c(bytes.subarray(i * PIECE, (i + 1) * PIECE)),
  );
}
