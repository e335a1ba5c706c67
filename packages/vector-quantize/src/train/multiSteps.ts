import { numpy as np } from "@jax-js/jax";
import { checkInteger } from "../errors.ts";
import type { ArrayTree } from "../tree.ts";
import type { GradientTransformation, OptState } from "./optimizer.ts";
import { disposeTree, mapTrees, refTree } from "./trees.ts";
import { ruleOf, withRule } from "./updateRule.ts";

/** Gradients on the way to their mean, and the state of the transformation that will get it. */
type MultiStepsState<P extends ArrayTree> = {
  /** Mean of the gradients so far. */
  mean: P;
  /** int32 scalar: how many they are. */
  count: np.Array;
  inner: OptState;
};

/**
 * Gradient accumulation: `every` steps make one update, by the mean of their gradients. The other
 * steps update by zero.
 *
 * With batches of one size that is the update of a batch `every` times as large. A quantizer's own
 * moving averages still move at each step. Schedules inside `optimizer` count updates, not steps.
 *
 * Source: optax's `MultiSteps`,
 * https://optax.readthedocs.io/en/latest/_collections/examples/gradient_accumulation.html.
 *
 * @param every steps to an update, at least 1
 */
export function multiSteps(
  optimizer: GradientTransformation,
  every: number,
): GradientTransformation {
  checkInteger("multiSteps: every", every);
  if (every === 1) return optimizer;
  const rule = ruleOf(optimizer);
  return withRule(
    {
      init: (params) => ({
        mean: mapTrees((p) => np.zerosLike(p), refTree(params)),
        count: np.array(0, { dtype: np.int32 }),
        inner: optimizer.init(params),
      }),
      update(updates, state, params) {
        const { mean: old, count, inner } = state as MultiStepsState<typeof updates>;
        const next = count.add(np.array(1, { dtype: np.int32 }));
        const share = np.reciprocal(next.ref.astype(np.float32));
        const due = np.equal(next.ref, np.array(every, { dtype: np.int32 }));
        const mean = mapTrees((m, u) => m.ref.add(u.sub(m).mul(share.ref)), old, updates);
        share.dispose();
        // A trace knows no branches: the update is always made, and taken when it is due.
        const [update, moved] = optimizer.update(refTree(mean), refTree(inner), params);
        const [zero, int] = [np.array(0), np.array(0, { dtype: np.int32 })];
        const emptied = mapTrees((m) => np.where(due.ref, zero.ref, m), mean);
        const taken = mapTrees((u) => np.where(due.ref, u, zero.ref), update);
        const kept = mapTrees((m, i) => np.where(due.ref, m, i), moved, inner);
        const counted = np.where(due, int, next);
        disposeTree(zero);
        return [taken, { mean: emptied, count: counted, inner: kept }];
      },
    },
    rule && { kind: "multiSteps", rule, every },
  );
}
