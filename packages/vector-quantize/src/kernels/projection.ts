import { projectionBinary } from "./binaries/projection.wasm.ts";
import type { KernelForm } from "./binary.ts";
import { type PackedCodebook, packCodebook } from "./codebook.ts";
import type { Pool } from "./pool.ts";
import type { Shortcut } from "./shortcut.ts";
import { tile4x8 } from "./tile.ts";

// As in `assembly/shared/filterCodebook.ts`.
const HEADER_BYTES = 48;
const HOPELESS = 12;
const AXES = 24;
const BOUNDS = 32;
/** Panels of 32 codes come in pairs. */
const PAIR = 64;

/** Products of vectors and codes that save as much as finding directions takes. */
const WORTHY_PRODUCTS = 2 ** 21;
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

/** The codes of `book` along the directions in which they differ most; undefined: no gain. */
export function createProjection(
  pool: Pool,
  book: PackedCodebook,
  form: KernelForm,
): Shortcut | undefined {
  const { dim, size, tile } = book;
  if (firstAxes(dim) === 0) return;
  const { memory } = pool;
  let count = firstAxes(dim);
  let held: Held | undefined;

  async function hold(): Promise<Held> {
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

  const hopeless = () => memory.i32((held as Held).header + HOPELESS, 1);
  return {
    worth: WORTHY_PRODUCTS / size,
    get header() {
      return (held as Held).header;
    },
    get hopeless() {
      return hopeless()[0] !== 0;
    },
    set hopeless(value) {
      hopeless()[0] = value ? 1 : 0;
    },
    async prepare(failed) {
      if (failed && count < mostAxes(dim)) {
        release();
        count = mostAxes(dim);
      }
      held ??= await hold();
      await findAxes(held);
      await project(held);
    },
    follow: () => project(held as Held),
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
