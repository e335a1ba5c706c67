import { numpy as np, tree } from "@jax-js/jax";
import type { ArrayTree } from "../tree.ts";
import type { GradientTransformation } from "./optimizer.ts";
import type { LearningRate } from "./schedules.ts";
import { disposeTree, mapTrees, refTree } from "./trees.ts";
import { withRule } from "./updateRule.ts";

/**
 * The building blocks of optimizers, under the names that optax gives them. Put together with `chain`.
 */

/** A state without arrays. */
function noState(params: ArrayTree): ArrayTree {
  disposeTree(params);
  return [];
}

/** A count of updates, from 0. */
const zeroCount = () => np.array(0, { dtype: np.int32 });
const one = () => np.array(1, { dtype: np.int32 });

/** `factor * updates`. */
export function scale(factor: number): GradientTransformation {
  return withRule(
    {
      init: noState,
      update(updates, state, params) {
        disposeTree(params);
        return [mapTrees((u) => u.mul(factor), updates), state];
      },
    },
    { kind: "scale", factor },
  );
}

/** `-learningRate * updates`; a schedule is a function of the number of updates before, from 0. */
export function scaleByLearningRate(learningRate: LearningRate): GradientTransformation {
  if (typeof learningRate === "number") return scale(-learningRate);
  return withRule(
    {
      init(params) {
        disposeTree(params);
        return { count: zeroCount() };
      },
      update(updates, state, params) {
        disposeTree(params);
        const { count } = state as { count: np.Array };
        const rate = learningRate(count.ref.astype(np.float32)).neg();
        const scaled = mapTrees((u) => u.mul(rate.ref), updates);
        rate.dispose();
        return [scaled, { count: count.add(one()) }];
      },
    },
    { kind: "schedule", learningRate },
  );
}

/** `updates + weightDecay * params`. */
export function addDecayedWeights(weightDecay: number): GradientTransformation {
  return withRule(
    {
      init: noState,
      update: (updates, state, params) => [
        mapTrees((u, p) => u.add(p.mul(weightDecay)), updates, params),
        state,
      ],
    },
    { kind: "decay", share: weightDecay },
  );
}

/** Options of `scaleByAdam`. */
export interface ScaleByAdamOptions {
  /** How much of the mean of gradients a step keeps. Default 0.9. */
  readonly b1?: number;
  /** How much of the mean of squared gradients a step keeps. Default 0.999. */
  readonly b2?: number;
  /** Added to the root in the denominator. Default 1e-8. */
  readonly eps?: number;
}

/**
 * `m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps)` with the moving averages `m` of the gradients and
 * `v` of their squares, after `t` updates.
 *
 * Source: Kingma & Ba, "Adam: A Method for Stochastic Optimization", 2014,
 * https://arxiv.org/abs/1412.6980.
 */
export function scaleByAdam(options: ScaleByAdamOptions = {}): GradientTransformation {
  const { b1 = 0.9, b2 = 0.999, eps = 1e-8 } = options;
  return withRule(
    {
      init: (params) => ({
        mean: mapTrees((p) => np.zerosLike(p), refTree(params)),
        square: mapTrees((p) => np.zerosLike(p), params),
        meanWeight: np.array(0),
        squareWeight: np.array(0),
      }),
      update(updates, state, params) {
        disposeTree(params);
        const old = state as AdamState<typeof updates>;
        const mean = mapTrees((m, u) => m.mul(b1).add(u.mul(1 - b1)), old.mean, refTree(updates));
        const square = mapTrees(
          (v, u) => v.mul(b2).add(np.square(u).mul(1 - b2)),
          old.square,
          updates,
        );
        // 1 - b^t, stepwise: float32 would lose its digits in the subtraction.
        const meanWeight = old.meanWeight.mul(b1).add(1 - b1);
        const squareWeight = old.squareWeight.mul(b2).add(1 - b2);
        const meanScale = np.reciprocal(meanWeight.ref);
        const squareScale = np.reciprocal(np.sqrt(squareWeight.ref));
        const scaled = mapTrees(
          (m, v) => m.mul(meanScale.ref).div(np.sqrt(v).mul(squareScale.ref).add(eps)),
          refTree(mean),
          refTree(square),
        );
        tree.dispose([meanScale, squareScale]);
        return [scaled, { mean, square, meanWeight, squareWeight }];
      },
    },
    // Kernels fill numbers up to whole vectors with zeros, which stay zeros unless divided by one.
    eps > 0 ? { kind: "adam", b1, b2, eps } : undefined,
  );
}

type AdamState<P extends ArrayTree> = {
  /** Moving averages of the gradients, and of their squares. */
  mean: P;
  square: P;
  /** How much of each average is not its zero start: `1 - b^t`. */
  meanWeight: np.Array;
  squareWeight: np.Array;
};

/** Options of `trace`. */
export interface TraceOptions {
  /** How much of the past updates a step keeps. */
  readonly decay: number;
  /** Whether the next step's momentum is looked ahead to. Default false. */
  readonly nesterov?: boolean;
}

/** Momentum: `t = updates + decay * t`; with `nesterov`, `updates + decay * t` comes out. */
export function trace({ decay, nesterov = false }: TraceOptions): GradientTransformation {
  return withRule(
    {
      init: (params) => ({ trace: mapTrees((p) => np.zerosLike(p), params) }),
      update(updates, state, params) {
        disposeTree(params);
        const { trace: old } = state as { trace: typeof updates };
        const past = mapTrees((u, t) => u.add(t.mul(decay)), refTree(updates), old);
        if (!nesterov) {
          disposeTree(updates);
          return [refTree(past), { trace: past }];
        }
        return [mapTrees((u, t) => u.add(t.mul(decay)), updates, refTree(past)), { trace: past }];
      },
    },
    { kind: "momentum", decay, nesterov },
  );
}

/**
 * `updates * min(1, maxNorm / norm)` with the norm over all gradients together.
 *
 * Source: Pascanu et al., "On the difficulty of training recurrent neural networks", 2012,
 * https://arxiv.org/abs/1211.5063.
 */
export function clipByGlobalNorm(maxNorm: number): GradientTransformation {
  return withRule(
    {
      init: noState,
      update(updates, state, params) {
        disposeTree(params);
        const squares = tree.leaves(refTree(updates) as np.Array).map((u) => np.sum(np.square(u)));
        const norm = np.sqrt(squares.reduce((sum, s) => sum.add(s)));
        // Where all gradients are 0 the quotient is infinite, and the minimum is 1.
        const factor = np.minimum(np.reciprocal(norm).mul(maxNorm), 1);
        const clipped = mapTrees((u) => u.mul(factor.ref), updates);
        factor.dispose();
        return [clipped, state];
      },
    },
    { kind: "clip", maxNorm },
  );
}
