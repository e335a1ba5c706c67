import { type numpy as np, tree } from "@jax-js/jax";
import type { ArrayTree } from "../tree.ts";

/** `fn` of the leaves of trees of one structure. The result has the structure of the first. */
export function mapTrees<P extends ArrayTree>(
  fn: (...leaves: np.Array[]) => np.Array,
  ...trees: readonly [P, ...ArrayTree[]]
): P {
  const [first, ...rest] = trees as unknown as [np.Array[], ...np.Array[][]];
  return tree.map(fn, first, ...rest) as unknown as P;
}

/** One more reference to every array of `x`. */
export function refTree<P extends ArrayTree>(x: P): P {
  return tree.ref(x as unknown as np.Array[]) as unknown as P;
}

/** Gives up every array of `x`. */
export function disposeTree(x: ArrayTree): void {
  tree.dispose(x as np.Array);
}
