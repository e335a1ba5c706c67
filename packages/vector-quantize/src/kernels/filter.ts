import type { KernelForm } from "./binary.ts";
import type { PackedCodebook } from "./codebook.ts";
import { createFilterCodebook } from "./filterCodebook.ts";
import type { Pool } from "./pool.ts";
import { createProjection } from "./projection.ts";

/** The small integers that a search looks at before it looks at float32. */
export interface Filter {
  /**
   * The address that kernels take for a search of `rows` vectors, or 0: search in float32. It forgets
   * what earlier vectors showed. Call it inside `pool.exclusive` before each search.
   */
  start(rows: number): Promise<number>;
  /** Takes over the codes of the packed codebook. Call it inside `pool.exclusive` after its `set`. */
  update(): Promise<void>;
  free(): void;
}

/** In place of integers where they are not faster. */
export const noFilter: Filter = {
  start: async () => 0,
  update: async () => {},
  free: () => {},
};

/** Integers of the codes of `book` and, where they pay, the codes' projections; see `update`. */
export async function createFilter(
  pool: Pool,
  book: PackedCodebook,
  form: KernelForm,
): Promise<Filter> {
  const whole = await createFilterCodebook(pool, book, form);
  const projected = createProjection(pool, book, form);
  return {
    async start(rows) {
      if (!whole.usable) return 0;
      whole.start(await projected.start(rows));
      return whole.header;
    },
    async update() {
      projected.forget();
      await whole.update();
    },
    free() {
      whole.free();
      projected.free();
    },
  };
}
