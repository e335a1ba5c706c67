import type { Numbers, Scope } from "./memory.ts";
import type { Job, Kernel, Pool } from "./pool.ts";

/** Bytes of rows and answers that lie in the pool's memory at a time, however many there are. */
const PART_BYTES = 2 ** 24;
/** Up to so many bytes of rows are copied sooner than threads wake to wait for the last of them. */
const AT_ONCE_BYTES = 2 ** 19;
/** Parts are whole tiles of all heights, and whole fours of rows. */
const WHOLE = 12;

/** Rows in ordinary memory, and room for what becomes of them. */
export interface OutsideRows {
  readonly rows: number;
  /** What the kernel reads, row after row. */
  readonly from: Numbers;
  /** What it writes likewise. */
  readonly to: readonly Numbers[];
}

/** A job on a part, but for its rows and how they get there. */
export type PartJob = Omit<Job, "rows" | "fill">;

/** The job on `rows` rows that lie at `from` in the pool's memory, as their answers at `to`. */
export type JobOfPart = (rows: number, from: number, ...to: number[]) => PartJob | Promise<PartJob>;

/**
 * Runs a kernel over rows in ordinary memory, part after part: each is brought into the pool's
 * memory, a large one while the kernel is at work on its first rows, and the answers are copied out.
 * Returns the sum of the kernel's counts. Call it inside `exclusive`, with its scope.
 */
export async function runInParts(
  pool: Pool,
  scope: Scope,
  kernel: Kernel,
  { rows, from, to }: OutsideRows,
  jobOf: JobOfPart,
): Promise<number> {
  if (rows === 0) return 0;
  const { memory } = pool;
  const bytesOf = ({ byteLength }: Numbers) => byteLength / rows;
  const bytes = [from, ...to].reduce((sum, values) => sum + bytesOf(values), 0);
  const most = Math.min(rows, WHOLE * Math.max(1, Math.floor(PART_BYTES / bytes / WHOLE)));
  const x = scope.allocate(most * bytesOf(from));
  const answers = to.map((values) => scope.allocate(most * bytesOf(values)));
  let count = 0;
  for (let first = 0; first < rows; first += most) {
    const taken = Math.min(most, rows - first);
    const fill = (begin: number, end: number) =>
      memory.write(x + begin * bytesOf(from), rowsOf(from, rows, first + begin, first + end));
    const job = await jobOf(taken, x, ...answers);
    const isLarge = taken * bytesOf(from) > AT_ONCE_BYTES;
    if (!isLarge) fill(0, taken);
    count += await pool.run(kernel, { ...job, rows: taken, ...(isLarge && { fill }) });
    for (let i = 0; i < to.length; i++) {
      memory.read(answers[i]!, rowsOf(to[i]!, rows, first, first + taken));
    }
  }
  return count;
}

/** The rows from `begin` to `end` of all `rows`. */
function rowsOf(values: Numbers, rows: number, begin: number, end: number): Numbers {
  if (end - begin === rows) return values;
  const width = values.length / rows;
  return values.subarray(begin * width, end * width);
}
