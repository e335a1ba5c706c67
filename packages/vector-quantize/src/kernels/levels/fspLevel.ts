import { erf } from "./erf.ts";
import type { LevelOf } from "./thresholds.ts";

/** The distribution functions by name. */
export const cdfs = ["tanh", "sigmoid", "normal", "laplace", "cauchy"] as const;
/** A distribution function onto [0, 1]. */
export type Cdf = (typeof cdfs)[number];

const f = Math.fround;
const EPSILON = 2 ** -23; // of float32

const functions: Record<Cdf, (x: number) => number> = {
  tanh: (x) => f(f(f(Math.tanh(x)) + 1) / 2),
  sigmoid: (x) => f(1 / (1 + Math.exp(-x))),
  normal: (x) => f(f(1 + f(erf(f(x / f(Math.SQRT2))))) / 2),
  laplace: (x) => f(0.5 * f(1 + Math.sign(x) * f(1 - f(Math.exp(-Math.abs(x)))))),
  cauchy: (x) => f(f(f(Math.atan(x)) / f(Math.PI)) + 0.5),
};

/** The levels of `fspCodec`, and of `fsp`. */
export function fspLevel(cdf: Cdf): LevelOf {
  const probability = functions[cdf];
  return (x, count) => Math.max(0, Math.floor(f(Math.min(probability(x), f(1 - EPSILON)) * count)));
}
