import { nearestBinary } from "../../packages/vector-quantize/src/kernels/binaries/nearest.wasm.ts";
import { nearestFilteredBinary } from "../../packages/vector-quantize/src/kernels/binaries/nearestFiltered.wasm.ts";
import type { KernelForm } from "../../packages/vector-quantize/src/kernels/binary.ts";
import {
  type KernelMetric,
  packCodebook,
} from "../../packages/vector-quantize/src/kernels/codebook.ts";
import { createFilter } from "../../packages/vector-quantize/src/kernels/filter.ts";
import { filterScratch } from "../../packages/vector-quantize/src/kernels/filterCodebook.ts";
import type { Pool } from "../../packages/vector-quantize/src/kernels/pool.ts";
import type { TileShape } from "../../packages/vector-quantize/src/kernels/tile.ts";
import { nearestScratch } from "../../packages/vector-quantize/src/kernels/tileChoice.ts";

/** So many rows are worth all preparations. */
const MANY_ROWS = 2 ** 22;
// Places in headers, as in `assembly/shared/filterCodebook.ts`.
const SHORTCUTS = 136;
const HOPELESS = { projection: 12, boxes: 0 };

export interface FilteredVariant {
  metric: KernelMetric;
  form: KernelForm;
  tile: TileShape;
}

/**
 * The answers of the search in floats and of that by a shortcut, undefined where there is none, and
 * whether the shortcut paid.
 */
export async function searchedBoth(
  pool: Pool,
  name: "projection" | "boxes",
  vectors: Float32Array,
  codebook: Float32Array,
  dim: number,
  { metric, form, tile }: FilteredVariant,
) {
  const { memory } = pool;
  const rows = vectors.length / dim;
  const { nearestFiltered } = await pool.load(nearestFilteredBinary, form);
  const { nearest } = await pool.load(nearestBinary, form);
  const book = await packCodebook(pool, { dim, size: codebook.length / dim, metric, tile, form });
  await book.set(codebook);
  const filter = await createFilter(pool, book, form, true);
  await filter.update();
  const x = memory.allocate(4 * vectors.length);
  memory.f32(x, vectors.length).set(vectors);
  const out = memory.allocate(8 * rows);
  const blockRows = 48;
  const bytes = Math.max(filterScratch(dim, blockRows, form), nearestScratch(dim, blockRows));
  const scratch = memory.allocate(bytes);
  const args = [book.header, x, out, out + 4 * rows, blockRows] as const;
  const answer = (invalid: number) => ({
    invalid,
    indices: memory.i32(out, rows).slice(),
    distances: memory.f32(out + 4 * rows, rows).slice(),
  });
  const floats = answer(nearest.call(0, rows, scratch, ...args));
  const header = await filter.start(MANY_ROWS, "nearest");
  const [projection, boxes] = header === 0 ? [0, 0] : memory.i32(header + SHORTCUTS, 2);
  const shortcut = (name === "boxes" ? boxes : projection) as number;
  const found =
    shortcut === 0 ? undefined : answer(nearestFiltered.call(0, rows, scratch, ...args, header));
  const paid = shortcut !== 0 && memory.i32(shortcut + HOPELESS[name], 1)[0] === 0;
  for (const region of [x, out, scratch]) memory.free(region);
  filter.free();
  book.free();
  return { floats, found, paid };
}

/** The codes scaled to length 1. */
export function ofLengthOne(codes: Float32Array, dim: number): Float32Array {
  return codes.map((v, i) => {
    const begin = i - (i % dim);
    return v / Math.hypot(...codes.subarray(begin, begin + dim));
  });
}
