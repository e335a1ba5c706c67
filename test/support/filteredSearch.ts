import { expect } from "vitest";
import {
  filterCodebookHeader,
  kdTreeHeader,
  latticeHeader,
  principalSubspaceHeader,
} from "../../packages/vector-quantize/src/kernels/engine/binaries/headers.ts";
import { searchKernels } from "../../packages/vector-quantize/src/kernels/engine/binaries/search.ts";
import {
  type HeaderLayout,
  headerAt,
} from "../../packages/vector-quantize/src/kernels/engine/header.ts";
import type { KernelForm } from "../../packages/vector-quantize/src/kernels/engine/kernelModule.ts";
import type { Pool } from "../../packages/vector-quantize/src/kernels/engine/pool.ts";
import { nearestReference } from "../../packages/vector-quantize/src/kernels/search/nearest.reference.ts";
import {
  type KernelMetric,
  packCodebook,
} from "../../packages/vector-quantize/src/kernels/search/packedCodebook.ts";
import {
  filterScratch,
  topKFilterScratch,
} from "../../packages/vector-quantize/src/kernels/search/pruning/filterCodebook.ts";
import { createPruning } from "../../packages/vector-quantize/src/kernels/search/pruning/pruning.ts";
import {
  nearestScratch,
  topKScratch,
} from "../../packages/vector-quantize/src/kernels/search/tileChoice.ts";
import type { TileShape } from "../../packages/vector-quantize/src/kernels/search/tileShape.ts";

/** So many rows are worth all preparations. */
const MANY_ROWS = 2 ** 22;
const BLOCK_ROWS = 48;

export interface FilteredVariant {
  metric: KernelMetric;
  form: KernelForm;
  tile: TileShape;
  /** Searches for so many codes by the kernels for that. Default: the nearest, by its own. */
  k?: number;
}

/**
 * The answers of the search in floats, of that behind integers alone (`filtered`) and of that with
 * all stages (`found`), undefined for codes out of their range; whether integers gave up, and whether
 * the k-d tree, its lattice (`onLattice`) or the principal subspace paid.
 */
export async function searchedInStages(
  pool: Pool,
  vectors: Float32Array,
  codebook: Float32Array,
  dim: number,
  { metric, form, tile, k }: FilteredVariant,
) {
  const { memory } = pool;
  const rows = vectors.length / dim;
  const wanted = k ?? 1;
  const { nearest, nearestTopK, nearestFiltered, nearestTopKFiltered } = await pool.load(
    searchKernels,
    form,
  );
  const inFloats = k === undefined ? nearest : nearestTopK;
  const inStages = k === undefined ? nearestFiltered : nearestTopKFiltered;

  const book = await packCodebook(pool, { dim, size: codebook.length / dim, metric, tile, form });
  await book.set(codebook);
  const filter = await createPruning(pool, book, form, true);
  await filter.update();
  const x = memory.allocate(4 * vectors.length);
  memory.f32(x, vectors.length).set(vectors);
  const out = memory.allocate(8 * rows * wanted);
  // Each of its own, so that a search that needs more than its bytes meets the next region.
  const floatScratch = memory.allocate(
    k === undefined ? nearestScratch(dim, BLOCK_ROWS) : topKScratch(dim, BLOCK_ROWS, k),
  );
  const scratch = memory.allocate(
    k === undefined
      ? filterScratch(dim, BLOCK_ROWS, form)
      : topKFilterScratch(dim, BLOCK_ROWS, k, form),
  );
  const distances = out + 4 * rows * wanted;
  const args = [book.header, x, out, distances, BLOCK_ROWS, ...(k === undefined ? [] : [k])];
  const answer = (invalid: number) => ({
    invalid,
    indices: memory.i32(out, rows * wanted).slice(),
    distances: memory.f32(distances, rows * wanted).slice(),
  });
  const floats = answer(inFloats.call(0, rows, floatScratch, ...args));
  const staged = async (before: number) => {
    const header = await filter.start(before, k === undefined ? "nearest" : "top-k");
    if (header === 0) return { gaveUp: false, paid: false, onLattice: false };
    const found = answer(inStages.call(0, rows, scratch, ...args, header));
    const fields = headerAt(memory, header, filterCodebookHeader);
    const helps = (at: number, layout: HeaderLayout<"hopeless">) =>
      at !== 0 && headerAt(memory, at, layout).get("hopeless") === 0;
    const tree = fields.get("tree");
    const lattice = tree === 0 ? 0 : headerAt(memory, tree, kdTreeHeader).get("lattice");
    const onLattice = helps(lattice, latticeHeader);
    return {
      found,
      gaveUp: fields.get("hopeless") !== 0,
      onLattice,
      paid:
        onLattice ||
        helps(fields.get("coarse"), principalSubspaceHeader) ||
        helps(tree, kdTreeHeader),
    };
  };
  const { found: filtered, gaveUp } = await staged(0);
  const { found, paid, onLattice } = await staged(MANY_ROWS);
  for (const region of [x, out, floatScratch, scratch]) memory.free(region);
  filter.free();
  book.free();
  return { floats, filtered, gaveUp, found, paid, onLattice };
}

/** Throws unless what was found are the nearest codes by the reference, in float64. */
export function expectNearest(
  { indices }: { indices: Int32Array },
  vectors: Float32Array,
  codebook: Float32Array,
  dim: number,
  { metric, k = 1 }: FilteredVariant,
): void {
  expect(indices).toEqual(nearestReference(vectors, codebook, dim, metric, k).indices);
}

/** The codes scaled to length 1. */
export function ofLengthOne(codes: Float32Array, dim: number): Float32Array {
  return codes.map((v, i) => {
    const begin = i - (i % dim);
    return v / Math.hypot(...codes.subarray(begin, begin + dim));
  });
}
