import { numpy as np, random, tree } from "@jax-js/jax";
import type { Quantizer, Variables } from "vector-quantize";

/** How far an input is moved, relative to its largest number: rounding of a sum in float32. */
const least = 2e-6;
const trials = 64;

/**
 * Whether other indices of one vector are as right as ours: ours too gives them, index by index, for the
 * vector moved by less than float32 tells.
 *
 * @param x one vector, in the shape of an input with a batch of 1
 */
export async function isNearTie(
  quantizer: Quantizer,
  variables: Variables,
  x: { readonly data: Float32Array; readonly shape: readonly number[] },
  theirs: ArrayLike<number>,
): Promise<boolean> {
  const size = x.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const shape = [trials, ...x.shape.slice(1)];
  const moves = random.uniform(random.key(0), shape, {
    minval: -least * size,
    maxval: least * size,
  });
  const moved = np.array(x.data, { shape: [...x.shape] }).add(moves);
  const found = await (await quantizer.encode(tree.ref(variables as never), moved)).data();
  const count = theirs.length;
  return Array.from(theirs).every((index, at) =>
    Array.from({ length: trials }, (_, trial) => found[trial * count + at]).includes(index),
  );
}
