import type { LevelOf } from "./thresholds.ts";

const f = Math.fround;

/** The levels of `fsqCodec`, and of `fsq`: `clamps` in place of tanh. */
export function fsqLevel(clamps: boolean, preserveSymmetry: boolean): LevelOf {
  const squash = clamps ? (x: number) => Math.min(1, Math.max(-1, x)) : Math.tanh;
  if (preserveSymmetry) {
    return (x, count) => Math.floor(f(f(f((count - 1) * f(f(squash(x)) + 1)) / 2) + 0.5));
  }
  return (x, count) => {
    const bounded = f(f(squash(f(x + shiftOf(clamps, count)))) * halfWidth(count));
    return roundHalfToEven(f(bounded - offsetOf(count))) + Math.floor(count / 2);
  };
}

/** What the default rule takes off `L` levels' values before it rounds them. */
export const offsetOf = (count: number) => (count % 2 === 0 ? 0.5 : 0);

/** What it adds to them first, so that 0 stays 0. */
export function shiftOf(clamps: boolean, count: number): number {
  const shift = f(offsetOf(count) / halfWidth(count));
  return clamps ? shift : f(Math.atanh(shift));
}

/** `(L - 1)(1 + 1e-3) / 2`, what the default rule scales `L` levels by. */
export const halfWidth = (count: number) => f(f(f(count - 1) * f(1.001)) / 2);

/** The nearest integer, of two the even one. */
export function roundHalfToEven(x: number): number {
  const near = Math.round(x); // of two the upper one
  return near - x === 0.5 && near % 2 !== 0 ? near - 1 : near;
}
