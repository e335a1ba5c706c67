import { numpy as np } from "@jax-js/jax";
import { fsqLevel, halfWidth, offsetOf, shiftOf } from "../../kernels/levels/fsqLevel.ts";
import { type LevelTable, lastOf, levelTable, within } from "../lookupFree/levelTable.ts";

/** How the values of one set of levels are bounded, rounded and decoded; all on `[..., d]`. */
export interface LevelRounding extends LevelTable {
  /** The value between the levels, differentiable, in the scale of the codes. */
  bound(z: np.Array): np.Array;
  /** The code of a level. */
  code(level: np.Array): np.Array;
  /** The level whose code is nearest, int32. */
  levelOfCode(code: np.Array): np.Array;
}

/** One float32 a dimension. */
const each = (levels: readonly number[], value: (count: number) => number) =>
  np.array(new Float32Array(levels.map(value)));

const clamp = (z: np.Array) => np.clip(z, -1, 1);

/**
 * The rule of the paper's appendix: `round(tanh(z + shift) h - offset) / floor(L / 2)` with
 * `h = (L - 1)(1 + 1e-3) / 2`, `offset = 1/2` for even `L`, and `shift = atanh(offset / h)`, so that
 * 0 stays 0. An even `L` has one level more below 0 than above.
 */
export function centredRule(levels: readonly number[], hardClamp: boolean): LevelRounding {
  const middle = () => each(levels, (count) => Math.floor(count / 2));
  const squash = hardClamp ? clamp : np.tanh;
  /** Between `-floor(L / 2)` and `L - 1 - floor(L / 2)`. */
  const bounded = (z: np.Array) =>
    squash(z.add(each(levels, (count) => shiftOf(hardClamp, count))))
      .mul(each(levels, halfWidth))
      .sub(each(levels, offsetOf));
  return {
    bound: (z) => bounded(z).div(middle()),
    ...levelTable(levels, fsqLevel(hardClamp, false), (z) => bounded(z).add(middle()).add(0.5)),
    code: (level) => level.astype(np.float32).sub(middle()).div(middle()),
    levelOfCode: (code) => within(levels, np.round(code.mul(middle()).add(middle()))),
  };
}

/**
 * The rule that preserves symmetry: `2 / (L - 1) floor((L - 1)(tanh(z) + 1) / 2 + 1/2) - 1`, levels
 * evenly from -1 to 1.
 *
 * Source: Parker et al., "Scaling Transformers for Low-Bitrate High-Quality Speech Coding", 2024,
 * section 3.2, https://arxiv.org/abs/2411.19842
 */
export function symmetricRule(levels: readonly number[], hardClamp: boolean): LevelRounding {
  const step = () => each(levels, (count) => 2 / (count - 1));
  const squash = hardClamp ? clamp : np.tanh;
  const scaled = (code: np.Array) => code.add(1).mul(lastOf(levels)).div(2);
  const position = (z: np.Array) => scaled(squash(z)).add(0.5);
  return {
    bound: squash,
    ...levelTable(levels, fsqLevel(hardClamp, true), position),
    // Without tanh a graph takes the rule's very steps.
    ...(hardClamp && { level: (z) => within(levels, np.floor(position(z))) }),
    code: (level) => level.astype(np.float32).mul(step()).sub(1),
    levelOfCode: (code) => within(levels, np.round(scaled(code))),
  };
}
