import { type numpy as np, tree } from "@jax-js/jax";

/** Most numbers that are remembered for one owner. */
const MOST_NUMBERS = 2 ** 22;

/** Host numbers that were made of arrays. */
type Numbers = readonly Float32Array<ArrayBuffer>[];

/**
 * Remembers what was last made of a tree of arrays, for calls with the very same ones: arrays never
 * change. Sound that is coded hop by hop asks for the same codebooks hundreds of times a second.
 */
export function remembered(): (of: unknown, make: () => Promise<Numbers>) => Promise<Numbers> {
  let known: { readonly of: readonly WeakRef<np.Array>[]; readonly numbers: Numbers } | undefined;
  return async (of, make) => {
    const leaves = tree.leaves(of as never) as unknown as np.Array[];
    const same =
      known?.of.length === leaves.length && known.of.every((leaf, i) => leaf.deref() === leaves[i]);
    if (known && same) return known.numbers;
    const numbers = await make();
    const size = numbers.reduce((sum, { length }) => sum + length, 0);
    known =
      size > MOST_NUMBERS ? undefined : { of: leaves.map((leaf) => new WeakRef(leaf)), numbers };
    return numbers;
  };
}
