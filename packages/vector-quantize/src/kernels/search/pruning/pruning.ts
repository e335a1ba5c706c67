import type { KernelForm } from "../../engine/binary.ts";
import type { Pool } from "../../engine/pool.ts";
import type { PackedCodebook } from "../packedCodebook.ts";
import { createFilterCodebook, inRange, noIntegers } from "./filterCodebook.ts";
import { createBoxes } from "./kdTree.ts";
import { createProjection } from "./principalSubspace.ts";
import { keepUp, type Upkeep } from "./pruningStage.ts";

/** What leaves codes out before a search looks at the others in float32. */
export interface Filter {
  /**
   * The address that kernels take for a search of `rows` vectors, for the nearest code or for the k
   * nearest, or 0: search in float32. It forgets what earlier vectors showed. Call it inside
   * `pool.exclusive` before each search.
   */
  start(rows: number, wanted: "nearest" | "top-k"): Promise<number>;
  /** Takes over the codes of the packed codebook. Call it inside `pool.exclusive` after its `set`. */
  update(): Promise<void>;
  free(): void;
}

/** Where nothing is faster than float32 alone. */
export const noFilter: Filter = {
  start: async () => 0,
  update: async () => {},
  free: () => {},
};

/**
 * What leaves codes of `book` out: when they pay, boxes of them or their projections; then, with
 * `integers`, the codes in small integers.
 */
export async function createFilter(
  pool: Pool,
  book: PackedCodebook,
  form: KernelForm,
  integers: boolean,
): Promise<Filter> {
  const possible = [createBoxes(pool, book, form), createProjection(pool, book, form)];
  if (!integers && possible.every((shortcut) => shortcut === undefined)) return noFilter;
  const [boxes, projection] = possible.map(keepUp) as [Upkeep, Upkeep];
  const packed = integers ? await createFilterCodebook(pool, book, form) : undefined;
  const whole = packed ?? noIntegers(pool);
  return {
    async start(rows, wanted) {
      if (!inRange(pool, book)) return 0;
      const boxed = wanted === "nearest" ? await boxes.start(rows) : 0;
      const projected = await projection.start(rows);
      if (packed === undefined && boxed === 0 && projected === 0) return 0;
      whole.start(projected, boxed);
      return whole.header;
    },
    async update() {
      boxes.forget();
      projection.forget();
      if (inRange(pool, book)) await packed?.update();
    },
    free() {
      for (const part of [whole, boxes, projection]) part.free();
    },
  };
}
