/** Arrays of objects of the user's own, by the names of the PyTorch module that stands there. */
import { type numpy as np, random, tree } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { TorchArrays } from "../options/torchArrays.ts";
import { type ArrayTree, isArray } from "../tree.ts";
import type { Owned, Path, Tensors } from "./module.ts";

/**
 * The arrays of an object, which stand in ours at `path` and there behind `prefix`.
 *
 * @param init the object's own: it tells which arrays there are
 */
export function ownArrays(
  prefix: string,
  path: Path,
  object: TorchArrays,
  init: (key: np.Array) => ArrayTree,
): Owned {
  const { toTorch, fromTorch } = object;
  if (!toTorch !== !fromTorch) {
    const what = "fromTorch and toTorch, or neither";
    throw expected(`${path.at(-1)} of yours`, what, toTorch ? "toTorch alone" : "fromTorch alone");
  }
  const fresh = init(random.key(0));
  const names = namesIn(fresh, "");
  const theirs = (params: ArrayTree): Tensors => {
    if (toTorch) return toTorch.call(object, params);
    return Object.fromEntries(paired(names, params));
  };
  const tensors = theirs(fresh);
  const shapes = Object.fromEntries(
    Object.entries(tensors).map(([name, { shape }]) => [name, [...shape]]),
  );
  tree.dispose(tensors);
  return {
    prefix,
    path,
    shapes,
    theirs,
    ours(given) {
      const own = tree.ref(given);
      if (fromTorch) return fromTorch.call(object, own);
      return mapNames(names, (name) => own[name] as np.Array);
    },
  };
}

/** A tree with the name of each array in its place. */
type Names = string | readonly Names[] | { readonly [key: string]: Names };

function namesIn(value: ArrayTree, at: string): Names {
  if (isArray(value)) return at;
  const inner = (key: string | number, part: ArrayTree) =>
    namesIn(part, at === "" ? String(key) : `${at}.${key}`);
  if (Array.isArray(value)) return value.map((part, key) => inner(key, part));
  const entries = Object.entries(value as Record<string, ArrayTree>);
  return Object.fromEntries(entries.map(([key, part]) => [key, inner(key, part)]));
}

function mapNames(names: Names, map: (name: string) => ArrayTree): ArrayTree {
  if (typeof names === "string") return map(names);
  if (Array.isArray(names)) return names.map((part) => mapNames(part, map));
  const entries = Object.entries(names as Record<string, Names>);
  return Object.fromEntries(entries.map(([key, part]) => [key, mapNames(part, map)]));
}

/** Each name with the array in its place. */
function paired(names: Names, values: ArrayTree): [string, np.Array][] {
  if (typeof names === "string") return [[names, values as np.Array]];
  return Object.entries(names).flatMap(([key, part]) =>
    paired(part as Names, (values as Record<string, ArrayTree>)[key] as ArrayTree),
  );
}
