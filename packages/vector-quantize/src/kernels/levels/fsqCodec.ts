import { checkBoolean, checkChoice, expected } from "../../errors.ts";
import { checkKernelOptions } from "../arguments.ts";
import { fsqLevel } from "./fsqLevel.ts";
import { checkCodecLevels, type LevelCodec, levelCodec } from "./levelCodec.ts";

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
  const value = preserveSymmetry ? symmetricValue : centredValue;
  return levelCodec("fsqCodec", levels, {
    level: fsqLevel(bound === "clamp", preserveSymmetry),
    value,
  });
}

function centredValue(level: number, count: number): number {
  const half = Math.floor(count / 2);
  return f((level - half) / half);
}

const symmetricValue = (level: number, count: number) => f(f(level * f(2 / (count - 1))) - 1);
