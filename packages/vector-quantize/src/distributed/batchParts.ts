import { expected } from "../errors.ts";
import type { Exchanged, ProcessGroup } from "./processGroup.ts";

/** The rows `from` to `to` of a batch of `rows` that process `rank` of `size` has: in order, and as equal as can be. */
export function partOf(
  rows: number,
  { rank, size }: Pick<ProcessGroup, "rank" | "size">,
): { from: number; to: number } {
  const first = (r: number) => Math.floor((rows * r) / size);
  return { from: first(rank), to: first(rank + 1) };
}

/** Where the parts of a batch lie: those of one process behind those of the one before. */
export interface BatchParts {
  /** Rows of each process, along the first axis. */
  readonly rows: readonly number[];
  /** Of all together. */
  readonly total: number;
  /** The first row of this process. */
  readonly first: number;
}

/**
 * Tells every process how many rows the others have.
 *
 * @param shape of this process's part
 * @throws VectorQuantizeError, in every process alike, unless the parts are of one batch
 */
export async function exchangeParts(
  where: string,
  group: ProcessGroup,
  shape: readonly number[],
): Promise<BatchParts> {
  const most = 8;
  const own = new Int32Array(most + 1);
  own.set([shape.length, ...shape.slice(0, most)]);
  const all = await group.allGather(own, Array(group.size).fill(own.length));
  const shapes = Array.from({ length: group.size }, (_, rank) => {
    const [axes = 0, ...sides] = all.subarray(rank * own.length, (rank + 1) * own.length);
    return sides.slice(0, axes);
  });
  const wanted = shapes[0] as number[];
  for (const [rank, given] of shapes.entries()) {
    if (String(given.slice(1)) === String(wanted.slice(1)) && (given[0] ?? 0) > 0) continue;
    throw expected(
      `${where}: part of process ${rank}`,
      `at least one row, and of the shape [rows, ${wanted.slice(1).join(", ")}] as process 0's`,
      given,
    );
  }
  const rows = shapes.map(([count = 0]) => count);
  const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
  return { rows, total: sum(rows), first: sum(rows.slice(0, group.rank)) };
}

/** All parts of a batch, given the numbers of this process's, as many for each row: in `room`, maybe. */
export function gatherRows<Part extends Exchanged>(
  group: ProcessGroup,
  { rows }: BatchParts,
  part: Part,
  room?: Part,
): Promise<Part> {
  const each = part.length / (rows[group.rank] as number);
  return group.allGather(
    part,
    rows.map((count) => count * each),
    room,
  );
}
