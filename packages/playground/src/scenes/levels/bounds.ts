import type { Way } from "./contract.ts";

/** What is set of the levels of a dimension. */
export interface Bounding {
  readonly preserveSymmetry?: boolean;
  readonly boundHardClamp?: boolean;
}

/** `tanh(x + shift) h - offset` of fsq, in units of levels; see its docs. */
function fsqBound(x: number, levels: number, hard: boolean): number {
  const half = ((levels - 1) * 1.001) / 2;
  const offset = levels % 2 === 0 ? 0.5 : 0;
  if (hard) return Math.max(-1, Math.min(1, x + offset / half)) * half - offset;
  return Math.tanh(x + Math.atanh(offset / half)) * half - offset;
}

/** What the layers of `residualFSQ` get of a number, as docs/residual-fsq-bounds.md has it. */
export function boundOf(way: Way | "fsq", x: number, levels: number, how: Bounding = {}): number {
  if (way === "none") return x;
  if (way === "softClamp") {
    const reach = 1 + 1 / (levels - 1);
    return reach * Math.tanh(x / reach);
  }
  const { preserveSymmetry = false, boundHardClamp = false } = how;
  if (way === "fsq" && preserveSymmetry) {
    return boundHardClamp ? Math.max(-1, Math.min(1, x)) : Math.tanh(x);
  }
  const bounded = fsqBound(x, levels, boundHardClamp);
  return way === "bound" ? bounded : bounded / Math.floor(levels / 2);
}

/** Between which numbers the output lies, about. */
export function rangeOf(way: Way | "fsq", levels: readonly number[]): [number, number] {
  const most = Math.max(...levels);
  if (way === "bound") return [-Math.floor(most / 2) - 0.6, most - 1 - Math.floor(most / 2) + 0.6];
  return [-1.5, 1.5];
}
