import type { LevelOf } from "./thresholds.ts";

const f = Math.fround;

/** The levels of `fsqCodec`, and of `fsq`. */
export function fsqLevel(bound: "tanh" | "clamp", preserveSymmetry: boolean): LevelOf {
  const squash = bound === "tanh" ? Math.tanh : (x: number) => Math.min(1, Math.max(-1, x));
  const unsquash = bound === "tanh" ? Math.atanh : (x: number) => x;
  if (preserveSymmetry) {
    return (x, count) => Math.floor(f(f(f((count - 1) * f(f(squash(x)) + 1)) / 2) + 0.5));
  }
  return (x, count) => {
    const half = halfWidth(count);
    const offset = count % 2 === 0 ? 0.5 : 0;
    const shift = f(unsquash(f(offset / half)));
    const bounded = f(f(f(squash(f(x + shift))) * half) - offset);
    return roundHalfToEven(bounded) + Math.floor(count / 2);
  };
}

/** `(L - 1)(1 + 1e-3) / 2`, what the default rule scales `L` levels by. */
export const halfWidth = (count: number) => f(f(f(count - 1) * f(1.001)) / 2);

/** The nearest integer, of two the even one. */
export function roundHalfToEven(x: number): number {
  const down = Math.floor(x);
  const above = x - down;
  if (above !== 0.5) return above < 0.5 ? down : down + 1;
  return down % 2 === 0 ? down : down + 1;
}
