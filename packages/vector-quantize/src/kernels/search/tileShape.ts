import type { KernelForm } from "../engine/kernelModule.ts";

/**
 * The shapes that the search kernels have tiles for, rows x codes. Which one is fastest depends on
 * how the engine's compiler allots the 15 or 31 vector registers: one that does not fit halves the
 * speed, so the choice is timed (`tileChoice.ts`).
 */
export interface TileShape {
  /** The number that the kernels know it by. */
  readonly id: number;
  /** Rows of a tile. */
  readonly rows: number;
  /** Codes of a panel. */
  readonly codes: number;
}

export const tile6x8: TileShape = { id: 0, rows: 6, codes: 8 };
export const tile3x12: TileShape = { id: 1, rows: 3, codes: 12 };
export const tile4x8: TileShape = { id: 2, rows: 4, codes: 8 };

export const tileShapes: readonly TileShape[] = [tile6x8, tile3x12, tile4x8];

/** A shape that no known engine spills in this form. */
export function safeTile(form: KernelForm): TileShape {
  return form === "relaxed" ? tile3x12 : tile4x8;
}
