import type { KernelForm } from "../../engine/kernelModule.ts";
import type { Pool } from "../../engine/pool.ts";
import type { PackedCodebook } from "../packedCodebook.ts";
import { createFilterCodebook, inRange, noIntegers } from "./filterCodebook.ts";
import { createKdTree } from "./kdTree.ts";
import { createPrincipalSubspace } from "./principalSubspace.ts";
import { keepUp, type Upkeep } from "./pruningStage.ts";

/** What leaves codes out before a search looks at the others in float32. */
export interface Pruning {
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
export const noPruning: Pruning = {
  start: async () => 0,
  update: async () => {},
  free: () => {},
};

/**
 * What leaves codes of `book` out: when they pay, a k-d tree of them or their principal subspace;
 * then, with `integers`, the codes in small integers.
 */
export async function createPruning(
  pool: Pool,
  book: PackedCodebook,
  form: KernelForm,
  integers: boolean,
): Promise<Pruning> {
  const possible = [createKdTree(pool, book, form), createPrincipalSubspace(pool, book, form)];
  if (!integers && possible.every((stage) => stage === undefined)) return noPruning;
  const [kdTree, subspace] = possible.map(keepUp) as [Upkeep, Upkeep];
  const packed = integers ? await createFilterCodebook(pool, book, form) : undefined;
  const whole = packed ?? noIntegers(pool);
  let usable = false;
  return {
    async start(rows, wanted) {
      if (!usable) return 0;
      const tree = wanted === "nearest" ? await kdTree.start(rows) : 0;
      const projected = await subspace.start(rows);
      if (packed === undefined && tree === 0 && projected === 0) return 0;
      whole.start(projected, tree);
      return whole.header;
    },
    async update() {
      kdTree.forget();
      subspace.forget();
      usable = inRange(pool, book);
      if (usable) await packed?.update();
    },
    free() {
      for (const part of [whole, kdTree, subspace]) part.free();
    },
  };
}
