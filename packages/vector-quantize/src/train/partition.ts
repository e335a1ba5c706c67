import type { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { ArrayTree } from "../tree.ts";
import type { GradientTransformation, OptState } from "./optimizer.ts";
import { disposeTree, mapPaths, refTree } from "./trees.ts";
import { ruleOf, type UpdateRule, withRule } from "./updateRule.ts";

/**
 * A transformation for each group of parameters, for example another learning rate for codebooks
 * that gradients train:
 *
 * ```ts
 * const optimizer = partition(
 *   { codes: adam(1e-2), rest: adamw(1e-3) },
 *   (path) => (path.startsWith("quantizer.") ? "codes" : "rest"),
 * );
 * ```
 *
 * A transformation sees its own group alone: a norm that is clipped in it is the group's. What
 * concerns all parameters together goes around it, `chain(clipByGlobalNorm(1), partition(...))`.
 *
 * @param transforms one for each group, by name; a group may be empty
 * @param group the name of the group of the parameter at `path`, as `encoder.0.weight`: of a model,
 *   paths begin with `encoder`, `quantizer` or `decoder`
 * @throws VectorQuantizeError when first used, if `group` gives a name that `transforms` lacks
 *
 * Source: optax's `partition` (also called `multi_transform`),
 * https://optax.readthedocs.io/en/latest/api/combining_optimizers.html.
 */
export function partition(
  transforms: Readonly<Record<string, GradientTransformation>>,
  group: (path: string) => string,
): GradientTransformation {
  const names = Object.keys(transforms);
  const rules = names.map(
    (name) => [name, ruleOf(transforms[name] as GradientTransformation)] as const,
  );
  const ruled = rules.every((entry): entry is [string, UpdateRule] => entry[1] !== undefined);

  function groupOf(path: string): string {
    const name = group(path);
    if (!Object.hasOwn(transforms, name)) {
      throw expected(`partition: group of ${JSON.stringify(path)}`, `one of ${names}`, name);
    }
    return name;
  }

  /** The leaves of each group, in order. */
  function split(params: ArrayTree): Record<string, np.Array[]> {
    const groups: Record<string, np.Array[]> = Object.fromEntries(names.map((name) => [name, []]));
    mapPaths((path, leaf) => {
      groups[groupOf(path)]?.push(leaf);
      return leaf;
    }, params);
    return groups;
  }

  return withRule(
    {
      init(params) {
        const states = Object.entries(split(params)).map(([name, leaves]): [string, OptState] => [
          name,
          leaves.length === 0 ? [] : (transforms[name] as GradientTransformation).init(leaves),
        ]);
        return Object.fromEntries(states);
      },
      update(updates, state, params) {
        const [own, before] = [split(refTree(updates)), split(params)];
        const old = state as Readonly<Record<string, OptState>>;
        const next: Record<string, OptState> = {};
        for (const name of names) {
          const leaves = own[name] as np.Array[];
          next[name] = old[name] as OptState;
          if (leaves.length === 0) continue;
          const transform = transforms[name] as GradientTransformation;
          [own[name], next[name]] = transform.update(
            leaves,
            old[name] as OptState,
            before[name] as np.Array[],
          );
        }
        const joined = mapPaths((path) => own[groupOf(path)]?.shift() as np.Array, updates);
        disposeTree(updates);
        return [joined, next];
      },
    },
    ruled ? { kind: "partition", rules: Object.fromEntries(rules), groupOf } : undefined,
  );
}
