import { lax, numpy as np } from "@jax-js/jax";
import { NUMBER_LIMIT, usableRows } from "../search/usable.ts";
import { anyTrue, asNumbers, both } from "../tracing.ts";

/**
 * Running mean and variance of the vectors and of the codes, by which the codes are moved to where
 * the vectors are. Shapes `[C]`; `started` is 0 until the first training step.
 */
export type AffineState = {
  batchMean: np.Array;
  batchVariance: np.Array;
  codebookMean: np.Array;
  codebookVariance: np.Array;
  started: np.Array; // []
};

export interface AffineDecays {
  /** How much of the vectors' statistics a step keeps. */
  batch: number;
  /** How much of the codes' statistics a step keeps. */
  codebook: number;
}

/** Statistics under which the affine map is the identity. */
export function initAffine(C: number): AffineState {
  return {
    batchMean: np.zeros([C]),
    batchVariance: np.ones([C]),
    codebookMean: np.zeros([C]),
    codebookVariance: np.ones([C]),
    started: np.zeros([]),
  };
}

/**
 * Moves the statistics by one batch; the first batch sets them, and one without vectors leaves them.
 *
 * @param vectors `[M, C]`
 * @param mask which vectors count, bool `[M]`
 * @param codebook `[K, C]`
 */
export function moveAffine(
  state: AffineState,
  vectors: np.Array,
  mask: np.Array | undefined,
  codebook: np.Array,
  decays: AffineDecays,
): AffineState {
  const usable = usableRows(vectors.ref);
  const counted = mask ? both(usable, mask) : usable; // [M]
  const batch = meanAndVariance(lax.stopGradient(vectors), counted.ref);
  const codes = lax.stopGradient(codebook);
  const all = np.ones([codes.shape[0] as number]).greater(0);
  const own = meanAndVariance(codes, all);
  const { started } = state;
  const some = anyTrue(counted);
  const move = (old: np.Array, now: np.Array, decay: number) => {
    const next = np.where(
      started.ref.greater(0),
      old.ref.mul(decay).add(now.ref.mul(1 - decay)),
      now,
    );
    return np.where(some.ref, next, old);
  };
  return {
    batchMean: move(state.batchMean, batch.mean, decays.batch),
    batchVariance: move(state.batchVariance, batch.variance, decays.batch),
    codebookMean: move(state.codebookMean, own.mean, decays.codebook),
    codebookVariance: move(state.codebookVariance, own.variance, decays.codebook),
    started: np.where(some, 1, started),
  };
}

/** Mean and biased variance `[C]` of the counted rows. */
function meanAndVariance(rows: np.Array, counted: np.Array) {
  const wide = counted.reshape([-1, 1]);
  const count = np.maximum(np.sum(asNumbers(wide.ref)), 1); // []
  const kept = np.where(wide.ref, rows.ref, 0);
  const mean = np.sum(kept, 0).div(count.ref); // [C]
  const gaps = np.where(wide, rows.sub(mean.ref), 0);
  return { mean, variance: np.sum(np.square(gaps), 0).div(count) };
}

const deviation = (variance: np.Array) => np.sqrt(np.maximum(variance, 1e-5));

/** `std_x / std_c`, by which distances between codes grow, `[C]`. */
function affineScale(state: AffineState): np.Array {
  return deviation(state.batchVariance.ref).div(deviation(state.codebookVariance.ref));
}

/**
 * The codes where the vectors are: `(c - mean_c) std_x / std_c + mean_x`.
 *
 * Source: Huh et al., "Straightening Out the Straight-Through Estimator", 2023, section 3.1,
 * https://arxiv.org/abs/2305.08842
 */
export function toBatch(state: AffineState, codes: np.Array): np.Array {
  const centred = codes.sub(state.codebookMean.ref);
  return bounded(centred.mul(affineScale(state)).add(state.batchMean.ref));
}

/** The inverse of `toBatch`: vectors where the codes are. */
export function toCodes(state: AffineState, vectors: np.Array): np.Array {
  const centred = vectors.sub(state.batchMean.ref);
  return bounded(centred.div(affineScale(state)).add(state.codebookMean.ref));
}

/** The gradient of the stored codes from that of the codes where the vectors are. */
export function gradientOfCodes(state: AffineState, gradient: np.Array): np.Array {
  return bounded(gradient.mul(affineScale(state)));
}

/** Statistics that lag behind the data may throw numbers out of the range that can be compared. */
const bounded = (x: np.Array) => np.clip(x, -NUMBER_LIMIT, NUMBER_LIMIT);
