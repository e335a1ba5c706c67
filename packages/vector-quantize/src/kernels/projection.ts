import { projectionBinary } from "./binaries/projection.wasm.ts";
import type { KernelForm } from "./binary.ts";
import { type PackedCodebook, packCodebook } from "./codebook.ts";
import type { Pool } from "./pool.ts";
import { tile4x8 } from "./tile.ts";

/** The codes of a codebook as seen along a few directions; made when that is first worth it. */
export interface Projection {
  /**
   * The address of the projection that a search of `rows` vectors looks at first, or 0: it would not
   * pay. Call it inside `pool.exclusive`.
   */
  start(rows: number): Promise<number>;
  /** The codes have changed. */
  forget(): void;
  free(): void;
}

// As in `assembly/shared/filterCodebook.ts`.
const HEADER_BYTES = 48;
const HOPELESS = 12;
const AXES = 24;
const BOUNDS = 32;
/** Panels of 32 codes come in pairs. */
const PAIR = 64;

/**
 * Products of vectors and codes after which directions are looked for: finding them takes as long
 * as they save by then where they help.
 */
const FIRST_PRODUCTS = 2 ** 21;
/**
 * They are found anew, or tried again where they did not help, each time after so many times more.
 */
const GROWTH = 4;
/** More directions than these save too little. */
const MOST_AXES = 64;
/** As in `assembly/projection.ts`. */
const SAMPLES = 256;
const ROWS = 24;

/** Directions that vectors of `dim` features are projected onto at first; 0: too few to gain. */
function firstAxes(dim: number): number {
  if (dim < 48) return 0;
  return dim < 160 ? 16 : 32;
}

/** Directions that vectors of `dim` features are projected onto at most. */
export function mostAxes(dim: number): number {
  const first = firstAxes(dim);
  return 2 * first <= Math.min(dim / 4, MOST_AXES) ? 2 * first : first;
}

/** What is held once directions have been found. */
interface Held {
  readonly header: number;
  readonly axes: PackedCodebook;
  readonly codes: PackedCodebook;
}

/** The projection of the codes of `book`. */
export function createProjection(pool: Pool, book: PackedCodebook, form: KernelForm): Projection {
  const { dim, size, metric, tile } = book;
  const { memory } = pool;
  let count = firstAxes(dim);
  const possible = count > 0 && metric !== "dot";
  let held: Held | undefined;
  let due = FIRST_PRODUCTS / size; // rows until directions are found
  let asked = 0; // rows since they were
  let helps = false;
  let moved = true; // codes have changed since directions were found
  let stale = true; // and since they were projected

  async function hold(): Promise<Held> {
    moved = true;
    const axes = await packCodebook(pool, { dim, size: count, metric: "dot", tile, form });
    const shape = { dim: count, size, metric: "euclidean", tile: tile4x8, form } as const;
    return { header: memory.allocate(HEADER_BYTES), axes, codes: await packCodebook(pool, shape) };
  }

  /** Directions along which the codes differ most. */
  async function findAxes({ header, axes }: Held): Promise<void> {
    const { findAxes: find } = await pool.load(projectionBinary, form);
    const out = memory.allocate(4 * count * dim);
    const scratch = memory.allocate(4 * dim * (SAMPLES + count));
    find.call(0, 0, scratch, book.header, count, out);
    await axes.set(memory.f32(out, count * dim));
    memory.free(scratch);
    memory.free(out);
    const stretch = largestStretch(memory.f32(axes.codes, count * dim), dim);
    const unit = memory.f64(axes.header + 40, 1)[0] as number;
    memory.f64(header + BOUNDS, 2).set([stretch, unit * (Math.sqrt(count) + 2)]);
  }

  async function project({ header, axes, codes }: Held): Promise<void> {
    const { projectCodes } = await pool.load(projectionBinary, form);
    const out = memory.allocate(4 * size * count);
    await pool.run(projectCodes, {
      rows: size,
      chunkRows: 4 * ROWS,
      work: 2 * size * count * dim,
      scratch: ROWS * (4 * (dim + count) + 52),
      args: [book.header, axes.header, out],
    });
    await codes.set(memory.f32(out, size * count));
    memory.free(out);
    memory.i32(header, HEADER_BYTES / 4).set([2 * Math.ceil(size / PAIR), 0, 0, 0, 0, 0]);
    memory.i32(header + AXES, 2).set([axes.header, codes.header]);
  }

  function release(): void {
    if (held === undefined) return;
    held.axes.free();
    held.codes.free();
    memory.free(held.header);
    held = undefined;
  }

  return {
    async start(rows) {
      if (!possible) return 0;
      if (held !== undefined && memory.i32(held.header + HOPELESS, 1)[0] !== 0) helps = false;
      asked += rows;
      if (asked >= due) {
        if (held !== undefined && !helps && count < mostAxes(dim)) {
          release();
          count = mostAxes(dim);
        }
        held ??= await hold();
        if (moved) await findAxes(held);
        stale ||= moved;
        moved = false;
        helps = true;
        asked = 0;
        due *= GROWTH;
      }
      if (held === undefined || !helps) return 0;
      if (stale) await project(held);
      stale = false;
      memory.i32(held.header + HOPELESS, 1)[0] = 0;
      return held.header;
    },
    forget() {
      moved = true;
      stale = true;
    },
    free: release,
  };
}

/**
 * At least the largest |Q^T v| / |v| of axes Q, which are orthonormal but for rounding: the square
 * of it is at most the largest sum of a row of |Q^T Q|.
 */
function largestStretch(axes: Float32Array, dim: number): number {
  const count = axes.length / dim;
  const sums = new Float64Array(count);
  for (let a = 0; a < count; a++) {
    for (let b = 0; b <= a; b++) {
      let product = 0;
      for (let d = 0; d < dim; d++) {
        product += (axes[a * dim + d] as number) * (axes[b * dim + d] as number);
      }
      sums[a]! += Math.abs(product);
      if (b < a) sums[b]! += Math.abs(product);
    }
  }
  return Math.sqrt(Math.max(...sums)) * (1 + 1e-9);
}
