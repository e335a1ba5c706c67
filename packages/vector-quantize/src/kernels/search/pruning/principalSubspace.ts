import { PANEL, principalSubspaceHeader } from "../../engine/binaries/headers.ts";
import { searchKernels } from "../../engine/binaries/search.ts";
import { headerAt } from "../../engine/header.ts";
import type { KernelForm } from "../../engine/kernelModule.ts";
import type { Scope } from "../../engine/memory.ts";
import type { Pool } from "../../engine/pool.ts";
import { headerOf, type PackedCodebook, packCodebook } from "../packedCodebook.ts";
import { tile4x8 } from "../tileShape.ts";
import { createFilterCodebook, type FilterCodebook, inRange } from "./filterCodebook.ts";
import type { PruningStage } from "./pruningStage.ts";
import { firstAxes, mostAxes } from "./subspaceAxes.ts";

/** Panels come in pairs. */
const PAIR = 2 * PANEL;

/** Products of vectors and codes that save as much as finding directions takes. */
const WORTHY_PRODUCTS = 2 ** 21;
/** As in `assembly/search/pruning/findSubspace.ts`. */
const BLOCK = 24;
/** Codes that directions are found from: a 64th of all, within these bounds. */
const LEAST_SAMPLES = 256;
const MOST_SAMPLES = 1024;
/** Codes from which on there are at once as many directions as may be. */
const MANY_CODES = 2 ** 15;

/** What is held once directions have been found. */
interface Held {
  readonly scope: Scope;
  readonly header: number;
  readonly axes: PackedCodebook;
  readonly codes: PackedCodebook;
  readonly integers: FilterCodebook;
}

/**
 * The codes of `book` in their principal subspace, along the directions in which they differ most;
 * undefined: no gain.
 */
export function createPrincipalSubspace(
  pool: Pool,
  book: PackedCodebook,
  form: KernelForm,
): PruningStage | undefined {
  const { dim, size, tile } = book;
  if (firstAxes(dim) === 0) return;
  const { memory } = pool;
  const samples = Math.min(size, Math.max(LEAST_SAMPLES, Math.min(MOST_SAMPLES, size >> 6)));
  let count = size < MANY_CODES ? firstAxes(dim) : mostAxes(dim);
  let held: Held | undefined;
  let roughHelps = true; // the integers do
  const fieldsAt = (header: number) => headerAt(memory, header, principalSubspaceHeader);

  const hold = () =>
    memory.hold(async (scope): Promise<Held> => {
      const around = { dim, size: count, metric: "dot", tile, form } as const;
      const axes = scope.adopt(await packCodebook(pool, around));
      const within = { dim: count, size, metric: "euclidean", tile: tile4x8, form } as const;
      const codes = scope.adopt(await packCodebook(pool, within));
      const integers = scope.adopt(await createFilterCodebook(pool, codes, form));
      const header = scope.zeros(principalSubspaceHeader.bytes);
      const panels = 2 * Math.ceil(size / PAIR);
      const parts = { axes: axes.header, codes: codes.header, integers: integers.header };
      fieldsAt(header).set({ panels, subspace: header, ...parts });
      integers.seeThrough(header);
      return { scope, header, axes, codes, integers };
    });

  /** Directions along which the codes differ most. */
  const findAxes = ({ header, axes }: Held) =>
    memory.lend(async (scope) => {
      const { findAxes: find } = await pool.load(searchKernels, form);
      const out = scope.allocate(4 * count * dim);
      const scratch = scope.allocate(4 * dim * (samples + count));
      find.call(0, 0, scratch, book.header, count, samples, out);
      await axes.set(memory.f32(out, count * dim));
      const stretch = largestStretch(memory.f32(axes.codes, count * dim), dim);
      const unit = headerOf(memory, axes.header).get("unit");
      fieldsAt(header).set({ stretch, slack: unit * (Math.sqrt(count) + 2) });
    });

  const project = ({ axes, codes, integers }: Held) =>
    memory.lend(async (scope) => {
      const { projectCodes } = await pool.load(searchKernels, form);
      const out = scope.allocate(4 * size * count);
      await pool.run(projectCodes, {
        rows: size,
        chunkRows: 4 * BLOCK,
        work: 2 * size * count * dim,
        scratch: BLOCK * (4 * (dim + count) + 52),
        args: [book.header, axes.header, out],
      });
      await codes.set(memory.f32(out, size * count));
      if (inRange(pool, codes)) await integers.update();
      else roughHelps = false;
    });

  return {
    worth: WORTHY_PRODUCTS / size,
    get header() {
      return (held as Held).header;
    },
    get hopeless() {
      const { header, integers } = held as Held;
      // Behind integers that do help, the floats saw only rows that are hard to decide.
      if (roughHelps && !integers.hopeless) return false;
      return fieldsAt(header).get("hopeless") !== 0;
    },
    begin() {
      const { header, integers } = held as Held;
      roughHelps &&= !integers.hopeless;
      integers.start(0, 0);
      integers.hopeless = !roughHelps;
      fieldsAt(header).set({ hopeless: 0, rows: 0, spent: 0 });
    },
    async prepare(failed) {
      if (failed && count < mostAxes(dim)) {
        held?.scope.free();
        held = undefined;
        count = mostAxes(dim);
      }
      held ??= await hold();
      await findAxes(held);
      roughHelps = true;
      held.integers.hopeless = false;
      await project(held);
    },
    follow: () => project(held as Held),
    free: () => held?.scope.free(),
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
