import { numpy as np } from "@jax-js/jax";
import { expected } from "../../errors.ts";
import { maskOfVectors } from "../../layout/mask.ts";
import { anyTrue, both, int32 } from "../../tracing.ts";
import { jitByMode } from "../../tree.ts";
import type { IndexShape } from "./calls.ts";

/** What the numbers in the arrays of a call are checked against. */
export interface Bounds {
  readonly positions: readonly number[];
  readonly indices: IndexShape;
  /** One entry per index of a vector: group after group, layer after layer. */
  readonly codebookSizes: readonly number[];
}

/** The small arrays of a call. */
export interface SmallArrays {
  readonly lengths?: np.Array;
  readonly indices?: np.Array;
  readonly emaUpdateWeight?: np.Array;
}

/**
 * Throws unless the numbers of the arrays are in range: lengths from 0 to N, indices those of codes,
 * or -1 where a vector has none, factors finite. Reads them, and leaves their ownership alone.
 */
export async function checkValues(
  where: string,
  { lengths, indices, emaUpdateWeight }: SmallArrays,
  bounds: Bounds,
): Promise<void> {
  if (lengths) {
    const most = bounds.positions[1] as number;
    for (const [at, length] of (await lengths.ref.data()).entries()) {
      if (length >= 0 && length <= most) continue;
      throw expected(`${where}: lengths[${at}]`, `0 to ${most}, the positions of x`, length);
    }
  }
  if (emaUpdateWeight) {
    for (const [at, factor] of (await emaUpdateWeight.ref.data()).entries()) {
      if (Number.isFinite(factor)) continue;
      throw expected(`${where}: emaUpdateWeight, code ${at}`, "a finite number", factor);
    }
  }
  if (indices) {
    const sizeOf = sizesAt(indices.shape, bounds);
    const values = await indices.ref.data();
    for (let at = 0; at < values.length; at++) {
      const value = values[at] as number;
      const size = sizeOf(at);
      if (value >= -1 && value < size) continue;
      const range = `0 to ${size - 1}, or -1 for a vector without a code`;
      throw expected(`${where}: indices, entry ${at}`, range, value);
    }
  }
}

/** The codebook size that bounds an entry of indices, by its place in them. */
function sizesAt(
  shape: readonly number[],
  { indices, codebookSizes }: Bounds,
): (at: number) => number {
  const [first] = codebookSizes as [number, ...number[]];
  if (codebookSizes.every((size) => size === first)) return () => first;
  const groups = indices.groups ?? 1;
  const columns = columnsOf(shape, codebookSizes);
  const perGroup = codebookSizes.length / groups;
  const entries = shape.reduce((product, size) => product * size, 1) / groups;
  return (at) => codebookSizes[Math.floor(at / entries) * perGroup + (at % columns)] as number;
}

/** How many indices a vector has in each group. */
function columnsOf(shape: readonly number[], codebookSizes: readonly number[]): number {
  return codebookSizes.length === 1 ? 1 : (shape.at(-1) ?? 1);
}

interface Given {
  lengths?: np.Array;
  mask?: np.Array;
  targets?: np.Array;
  emaUpdateWeight?: np.Array;
}

/**
 * What a synchronous call makes of numbers that are out of range: they can't be read there, inside a
 * trace or while threads compute, so the result says it.
 *
 * - A sequence whose length is below 0 or above N counts as empty, and comes out as NaN.
 * - A target below -1, or that no code has, makes the loss NaN, unless its vector is masked.
 * - A factor of `emaUpdateWeight` that is not finite counts as 0, and makes the loss NaN.
 */
export const judgeValues = jitByMode(
  (given: Given, { positions, indices, codebookSizes }: Bounds) => {
    const { lengths, mask, targets, emaUpdateWeight } = given;
    const sequences = lengths && outOfRange(lengths.ref, 0, positions[1] as number); // [B]
    const cut = lengths && np.where((sequences as np.Array).ref, int32(0), lengths);
    const real = maskOfVectors(
      { ...(mask && { mask }), ...(cut && { lengths: cut.ref }) },
      positions,
    );
    const finite = emaUpdateWeight && np.isfinite(emaUpdateWeight.ref);
    const bad = [
      targets && anyTarget(targets, real, indices, codebookSizes),
      finite && anyTrue(np.logicalNot(finite.ref)),
    ].filter((each) => each !== undefined);
    return {
      arrays: {
        ...(cut && { lengths: cut }),
        ...(emaUpdateWeight && {
          emaUpdateWeight: np.where(finite as np.Array, emaUpdateWeight, 0),
        }),
      },
      ...(sequences && { sequences }),
      ...(bad.length > 0 && { loss: bad.reduce((a, b) => np.bitwiseOr(a, b)) }), // []
    };
  },
);

function outOfRange(values: np.Array, low: number, high: number): np.Array {
  return np.bitwiseOr(values.ref.less(int32(low)), values.greater(int32(high)));
}

function anyTarget(
  targets: np.Array,
  real: np.Array | undefined,
  { groups = 1 }: IndexShape,
  codebookSizes: readonly number[],
): np.Array {
  const columns = columnsOf(targets.shape, codebookSizes);
  const perGroup = codebookSizes.length / groups;
  const sizes = Array.from({ length: groups }, (_, group) =>
    codebookSizes.slice(group * perGroup, group * perGroup + columns),
  ).flat();
  const last = sizes.map((size) => size - 1);
  const most = np.array(new Int32Array(last), { shape: [groups, 1, columns] });
  const rows = targets.reshape([groups, -1, columns]);
  const bad = np.bitwiseOr(rows.ref.less(int32(-1)), rows.greater(most));
  return anyTrue(real ? both(bad, real.reshape([1, -1, 1])) : bad);
}

/** NaN in place of every number of the sequences `[B]` of `output` `[B, ...]`. */
export function spoilSequences(output: np.Array, sequences: np.Array): np.Array {
  const wide = [output.shape[0] as number, ...output.shape.slice(1).map(() => 1)];
  return np.where(sequences.reshape(wide), Number.NaN, output);
}

/** NaN in place of every number of `output` if any of `bad` is true. */
export function spoil(output: np.Array, bad: np.Array): np.Array {
  return np.where(anyTrue(bad), Number.NaN, output);
}
