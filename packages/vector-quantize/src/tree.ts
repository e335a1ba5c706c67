import { type numpy as np, tree } from "@jax-js/jax";

/** A tree of arrays: plain records and lists whose leaves are arrays, and nothing else. */
export type ArrayTree = np.Array | readonly ArrayTree[] | { readonly [key: string]: ArrayTree };

/**
 * Takes ownership of `trees` until the end of the enclosing block.
 *
 * `using _ = owns(params, x);` as a first line disposes the arrays on return and on throw alike, so
 * every later use is written `.ref` and none is disposed by hand.
 */
export function owns(...trees: readonly unknown[]): Disposable {
  return {
    [Symbol.dispose]() {
      for (const owned of trees) tree.dispose(owned as np.Array);
    },
  };
}
