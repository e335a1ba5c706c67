import type { numpy as np } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import { type ArrayTree, isRecord } from "../tree.ts";
import type { HostTensor } from "./dtypes.ts";

/**
 * The arrays of a tree by their path: `{ encoder: [{ weight }] }` becomes `encoder.0.weight`.
 *
 * The arrays change hands; none is copied.
 *
 * @throws VectorQuantizeError for what is no tree of arrays, and if a key has a dot in it, so that two
 *   paths could be one name.
 */
export function flattenTree(tree: ArrayTree): Record<string, np.Array> {
  const leaves: [string, np.Array][] = [];
  visit(tree, [], (path, array) => leaves.push([path.join("."), array]));
  return Object.fromEntries(leaves);
}

/**
 * Puts tensors in the place that their names tell, in the structure of `template`.
 *
 * @param template arrays, or only their shapes and element types; they stay the caller's.
 * @param tensors exactly one for every array of the template.
 * @param create makes an array of a tensor; called only when all of them fit.
 * @param where what errors call the source: usually the file's name.
 * @throws VectorQuantizeError if a tensor is missing, left over, or of another shape or type.
 */
export function unflattenTree<T extends ArrayTree>(
  template: T,
  tensors: Readonly<Record<string, HostTensor>>,
  create: (tensor: HostTensor) => np.Array,
  where: string,
): T {
  const expectedNames = new Set<string>();
  visit(template, [], (path, array) => {
    const name = path.join(".");
    expectedNames.add(name);
    const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
    const of = `${where}: tensor ${JSON.stringify(name)}`;
    if (tensor === undefined) throw new VectorQuantizeError(`${of}: expected one, got none`);
    if (tensor.shape.join() !== array.shape.join()) {
      throw expected(of, `shape [${array.shape.join(", ")}]`, tensor.shape);
    }
    if (tensor.dtype !== (array.dtype as string)) {
      throw expected(of, `dtype ${array.dtype}`, tensor.dtype);
    }
  });
  for (const name of Object.keys(tensors)) {
    if (!expectedNames.has(name)) {
      const of = `${where}: tensor ${JSON.stringify(name)}`;
      throw new VectorQuantizeError(
        `${of}: expected none of this name for this configuration, got one`,
      );
    }
  }
  return visit(template, [], (path) => create(tensors[path.join(".")] as HostTensor)) as T;
}

type Path = readonly string[];

/** The tree with `leaf` applied to every array. */
function visit(
  tree: ArrayTree,
  path: Path,
  leaf: (path: Path, array: np.Array) => unknown,
): unknown {
  if (Array.isArray(tree)) {
    return tree.map((child, i) => visit(child as ArrayTree, [...path, String(i)], leaf));
  }
  if (isArray(tree)) return leaf(path, tree);
  if (!isRecord(tree)) {
    const where = ["checkpoint", ...(path.length > 0 ? [path.join(".")] : [])].join(": ");
    throw expected(where, "a tree of arrays", tree);
  }
  const children = Object.entries(tree).map(([key, child]) => {
    if (key.includes(".")) throw expected("checkpoint: name of an array", "one without a dot", key);
    return [key, visit(child as ArrayTree, [...path, key], leaf)] as const;
  });
  return Object.fromEntries(children);
}

function isArray(tree: ArrayTree): tree is np.Array {
  return typeof tree === "object" && tree !== null && "dtype" in tree && "shape" in tree;
}
