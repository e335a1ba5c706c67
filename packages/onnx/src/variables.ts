import { numpy as np } from "@jax-js/jax";
import { expectedOf } from "./failures.ts";

/** An array of a tree, and where it stands there. */
export interface NamedArray {
  readonly name: string;
  readonly array: np.Array;
}

/** The arrays of a tree in jax-js's order. Throws unless it is one of live arrays. */
export function namedArrays(where: string, tree: unknown, name = ""): NamedArray[] {
  if (tree instanceof np.Array) {
    if (tree.refCount > 0) return [{ name, array: tree }];
    throw expectedOf(`${where}: ${name}`, "an array", "one that was given up", "Give .ref of it");
  }
  if (typeof tree !== "object" || tree === null) {
    throw expectedOf(`${where}: ${name || "variables"}`, "a tree of arrays", tree);
  }
  return Object.entries(tree).flatMap(([key, inner]) =>
    namedArrays(where, inner, name === "" ? key : `${name}.${key}`),
  );
}
