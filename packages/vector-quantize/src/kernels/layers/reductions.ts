import type { Workspace } from "./workspace.ts";

/** Blocks of rows that are summed apart: part of a sum's definition, as no thread changes it. */
const MOST_BLOCKS = 16;
/** Bytes that the sums of all blocks may take. */
const MOST_BYTES = 2 ** 25;

/** How `units` are parted into blocks whose sums take `bytes` each. */
export function blocksOf(units: number, bytes: number) {
  const most = Math.max(1, Math.min(MOST_BLOCKS, Math.floor(MOST_BYTES / bytes)));
  const blockUnits = Math.ceil(units / most);
  return { blockUnits, blocks: Math.ceil(units / blockUnits) };
}

/** Adds the sums of all blocks into the first. `bytes` a block, a multiple of 16. */
export async function sumTree(
  work: Workspace,
  sums: number,
  blocks: number,
  bytes: number,
): Promise<void> {
  if (blocks === 1) return;
  const vectors = bytes / 16;
  await work.run(work.kernels.sumTree, vectors, [sums, blocks, bytes], {
    work: 32 * vectors * blocks,
  });
}

/** Adds the sum of each column of `x`, `[rows, columns]`, to `to`. */
export async function addColumnSums(
  work: Workspace,
  x: number,
  [rows, columns]: readonly [number, number],
  to: number,
): Promise<void> {
  const wide = columns % 4 === 0 ? 1 : columns % 2 === 0 ? 2 : 4;
  const bytes = Math.ceil((4 * columns) / 16) * 16;
  const { blocks, blockUnits } = blocksOf(Math.ceil(rows / wide), bytes);
  const sums = work.take((blocks * bytes) / 4);
  const args = [x, rows, columns, wide, blockUnits * wide, sums, bytes];
  await work.run(work.kernels.sumColumns, blocks, args, {
    work: 8 * rows * columns,
    scratch: 4 * wide * columns,
  });
  await sumTree(work, sums, blocks, bytes);
  work.add(to, sums, columns);
  work.release(sums);
}
