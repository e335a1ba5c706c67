import type { GradientTransformation, OptState } from "./optimizer.ts";
import { disposeTree, refTree } from "./trees.ts";
import { ruleOf, withRule } from "./updateRule.ts";

/** One transformation after another: each gets the updates of the one before. */
export function chain(...transforms: readonly GradientTransformation[]): GradientTransformation {
  const rules = transforms.map(ruleOf);
  return withRule(
    {
      init(params) {
        const states = transforms.map((transform) => transform.init(refTree(params)));
        disposeTree(params);
        return states;
      },
      update(updates, state, params) {
        let current = updates;
        const states = transforms.map((transform, i) => {
          const [next, nextState] = transform.update(
            current,
            (state as readonly OptState[])[i] as OptState,
            refTree(params),
          );
          current = next;
          return nextState;
        });
        disposeTree(params);
        return [current, states];
      },
    },
    rules.every((rule) => rule !== undefined) ? { kind: "chain", rules } : undefined,
  );
}
