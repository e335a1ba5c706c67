import { checkChoice } from "../../errors.ts";
import { checkKernelOptions } from "../arguments.ts";
import { erf } from "./erf.ts";
import { type Cdf, cdfs, fspLevel } from "./fspLevel.ts";
import { type LevelCodec, levelCodec } from "./levelCodec.ts";

/** Options of `fspCodec`. */
export interface FspCodecOptions {
  /** Levels per dimension. */
  levels: readonly number[];
  /** Distribution function that spreads the values over the bins. Default `"tanh"`. */
  cdf?: Cdf;
  /**
   * What a level decodes to: `"normalized"` is the bin's middle scaled to unit variance,
   * `"inverse"` is the value that the distribution function takes there. Default `"normalized"`.
   */
  output?: "normalized" | "inverse";
}

const f = Math.fround;
const UNIFORM_DEVIATION = 0.28867513459481287; // 1 / sqrt(12), of a uniform variable on [0, 1]

const inverses: Record<Cdf, (p: number) => number> = {
  tanh: (p) => Math.atanh(2 * p - 1),
  sigmoid: (p) => Math.log(p / (1 - p)),
  normal: inverseNormal,
  laplace: (p) => -Math.sign(p - 0.5) * Math.log(1 - 2 * Math.abs(p - 0.5)),
  cauchy: (p) => Math.tan((p - 0.5) * Math.PI),
};

/**
 * Tables of finite scalar perturbation: level `floor(min(F(x), 1 - 2^-23) L)`, decoded to the middle
 * of its bin, `p = (level + 1/2) / L`, as `(p - 1/2) sqrt(12)` or as `F^-1(p)`.
 *
 * Every step of `F` is rounded to float32, as the PyTorch reference computes it.
 *
 * Finite Scalar Perturbation (2026), https://arxiv.org/abs/2602.17133
 *
 * @param options levels, distribution function and output
 * @throws if a level is not an integer of at least 2, or the codebook size exceeds 2^63
 */
export function fspCodec(options: FspCodecOptions): LevelCodec {
  checkKernelOptions("fspCodec", options, ["levels", "cdf", "output"]);
  const { levels, cdf = "tanh", output = "normalized" } = options;
  checkChoice("fspCodec: cdf", cdf, cdfs);
  checkChoice("fspCodec: output", output, ["normalized", "inverse"]);
  return levelCodec("fspCodec", levels, {
    level: fspLevel(cdf),
    value(level, count) {
      const middle = f((level + 0.5) / count);
      return output === "inverse"
        ? inverses[cdf](middle)
        : f(f(middle - 0.5) / f(UNIFORM_DEVIATION));
    },
  });
}

/** Quantile of the normal distribution, by bisection on its distribution function. */
function inverseNormal(p: number): number {
  let below = -9;
  let above = 9;
  for (let step = 0; step < 60; step++) {
    const middle = (below + above) / 2;
    if ((1 + erf(middle / Math.SQRT2)) / 2 < p) below = middle;
    else above = middle;
  }
  return (below + above) / 2;
}
