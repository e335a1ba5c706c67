import { checkBoolean, checkChoice, expected } from "../../errors.ts";
import { checkKernelOptions } from "../arguments.ts";
import { checkCodecLevels, type LevelCodec, type LevelRule, levelCodec } from "./levelCodec.ts";

/** How a raw value is bounded before rounding. */
export interface FsqCodecOptions {
  /** Levels per dimension. */
  levels: readonly number[];
  /** `"tanh"` for raw values, `"clamp"` for values already brought to [-1, 1]. Default `"tanh"`. */
  bound?: "tanh" | "clamp";
  /** Whether levels lie evenly over [-1, 1], also for even counts. Default false. */
  preserveSymmetry?: boolean;
}

const f = Math.fround;

/**
 * Tables of finite scalar quantization: raw values to indices and back.
 *
 * - Default: `round(tanh(x + shift) (L - 1)(1 + 1e-3) / 2 - offset)` over `floor(L / 2)`, with
 *   `offset = 1/2` for even `L` and `shift = atanh(2 offset / ((L - 1)(1 + 1e-3)))`.
 * - `preserveSymmetry`: `2 / (L - 1) floor((L - 1)(tanh(x) + 1) / 2 + 1/2) - 1`.
 *
 * `bound: "clamp"` takes `clamp(., -1, 1)` for `tanh` and no `atanh`. Every step is rounded to
 * float32, as the PyTorch reference computes it; halves go to even in the default rule.
 *
 * Finite Scalar Quantization: VQ-VAE Made Simple (2023), https://arxiv.org/abs/2309.15505; the
 * symmetric rule is section 3.2 of https://arxiv.org/abs/2411.19842 (2024).
 *
 * @param options levels and rule
 * @throws if a level is not an integer of at least 3 (2 with `preserveSymmetry`), or the codebook size exceeds 2^63
 */
export function fsqCodec(options: FsqCodecOptions): LevelCodec {
  checkKernelOptions("fsqCodec", options, ["levels", "bound", "preserveSymmetry"]);
  const { levels, bound = "tanh", preserveSymmetry = false } = options;
  checkChoice("fsqCodec: bound", bound, ["tanh", "clamp"]);
  checkBoolean("fsqCodec: preserveSymmetry", preserveSymmetry);
  checkCodecLevels("fsqCodec", levels);
  if (levels.includes(2) && !preserveSymmetry) {
    throw expected("fsqCodec: levels", "at least 3 each", levels, "Turn on preserveSymmetry for 2");
  }
  const squash = bound === "tanh" ? Math.tanh : (x: number) => Math.min(1, Math.max(-1, x));
  const unsquash = bound === "tanh" ? Math.atanh : (x: number) => x;
  const rule = preserveSymmetry ? symmetric(squash) : centered(squash, unsquash);
  return levelCodec("fsqCodec", levels, rule);
}

type Scalar = (x: number) => number;

function centered(squash: Scalar, unsquash: Scalar): LevelRule {
  return {
    level(x, count) {
      const half = f(f(f(count - 1) * f(1.001)) / 2);
      const offset = count % 2 === 0 ? 0.5 : 0;
      const shift = f(unsquash(f(offset / half)));
      const bounded = f(f(f(squash(f(x + shift))) * half) - offset);
      return roundHalfToEven(bounded) + Math.floor(count / 2);
    },
    value(level, count) {
      const half = Math.floor(count / 2);
      return f((level - half) / half);
    },
  };
}

function symmetric(squash: Scalar): LevelRule {
  return {
    level(x, count) {
      const bracket = f(f(f((count - 1) * f(f(squash(x)) + 1)) / 2) + 0.5);
      return Math.floor(bracket);
    },
    value(level, count) {
      return f(f(level * f(2 / (count - 1))) - 1);
    },
  };
}

function roundHalfToEven(x: number): number {
  const down = Math.floor(x);
  const above = x - down;
  if (above !== 0.5) return above < 0.5 ? down : down + 1;
  return down % 2 === 0 ? down : down + 1;
}
