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

/** `fn` of every leaf and its path, as `encoder.0.weight`. The result has the structure of `x`. */
export function mapPaths<P extends ArrayTree>(
  fn: (path: string, leaf: np.Array) => np.Array,
  x: P,
): P {
  const visit = (at: ArrayTree, path: readonly (string | number)[]): ArrayTree => {
    if (Array.isArray(at)) return at.map((child, i) => visit(child as ArrayTree, [...path, i]));
    if (Object.getPrototypeOf(at) !== Object.prototype) return fn(path.join("."), at as np.Array);
    return Object.fromEntries(
      Object.entries(at).map(([key, child]) => [key, visit(child as ArrayTree, [...path, key])]),
    );
  };
  return visit(x, []) as P;
}

/** One more reference to every array of `x`. */
export function refTree<P extends ArrayTree>(x: P): P {
  return tree.ref(x as unknown as np.Array[]) as unknown as P;
}

/** Gives up every array of `x`. */
export function disposeTree(x: ArrayTree): void {
  tree.dispose(x as np.Array);
}
