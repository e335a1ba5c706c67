import type { GradientTransformation, OptState } from "./optimizer.ts";
import { disposeTree, refTree } from "./trees.ts";

/** One transformation after another: each gets the updates of the one before. */
export function chain(...transforms: readonly GradientTransformation[]): GradientTransformation {
  return {
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
  };
}
