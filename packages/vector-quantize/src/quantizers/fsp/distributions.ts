import { lax, numpy as np } from "@jax-js/jax";
import { accurateLog } from "../../logarithm.ts";

/** A distribution function onto 0 ... 1, and its inverse. */
export interface Distribution {
  /** Differentiable. */
  cdf(z: np.Array): np.Array;
  /** Of probabilities strictly between 0 and 1. */
  inverse(p: np.Array): np.Array;
}

/** The distribution functions of `fsp`, by name. */
export const activations = ["tanh", "sigmoid", "normal", "laplace", "cauchy"] as const;
/** Which distribution function spreads the values over the bins. */
export type CdfActivation = (typeof activations)[number];

/** `log(p / (1 - p))`. */
const logit = (p: np.Array) => accurateLog(p.ref).sub(accurateLog(p.neg().add(1)));

export const distributions: Record<CdfActivation, Distribution> = {
  tanh: {
    cdf: (z) => np.tanh(z).add(1).div(2),
    inverse: (p) => logit(p).div(2),
  },
  sigmoid: {
    cdf: (z) => np.tanh(z.div(2)).add(1).div(2),
    inverse: logit,
  },
  normal: {
    cdf: (z) => lax.erf(z.div(Math.SQRT2)).add(1).div(2),
    inverse: inverseNormal,
  },
  laplace: {
    cdf(z) {
      const size = np.absolute(z.ref);
      const tail = np.exp(size.neg()).mul(0.5); // of the further side
      return np.where(z.greater(0), tail.ref.neg().add(1), tail);
    },
    inverse(p) {
      const fromMiddle = p.sub(0.5);
      const size = accurateLog(np.absolute(fromMiddle.ref).mul(-2).add(1)).neg();
      return np.where(fromMiddle.less(0), size.ref.neg(), size);
    },
  },
  cauchy: {
    cdf: (z) => np.atan(z).div(Math.PI).add(0.5),
    // The tangent of a right angle less a little is the inverse of the tangent of that little.
    inverse(p) {
      const angle = p.sub(0.5).mul(Math.PI);
      return np.sin(angle.ref).div(np.cos(angle));
    },
  },
};

const poly = (x: np.Array, coefficients: readonly number[]) => {
  const [first, ...rest] = coefficients as [number, ...number[]];
  return rest.reduce((sum, c) => sum.mul(x.ref).add(c), np.fullLike(x.ref, first));
};

/**
 * Quantile of the normal distribution, `sqrt(2) erfinv(2p - 1)`, to the last bits of float32.
 *
 * Source: Giles, "Approximating the erfinv function", 2010, table 5,
 * https://people.maths.ox.ac.uk/gilesm/files/gems_erfinv.pdf
 */
function inverseNormal(p: np.Array): np.Array {
  const x = p.ref.mul(2).sub(1);
  // 1 - x^2 = 4 p (1 - p), without cancellation.
  const w = accurateLog(p.ref.mul(p.neg().add(1)).mul(4)).neg();
  const central = poly(
    w.ref.sub(2.5),
    [
      2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503,
      -0.00417768164, 0.246640727, 1.50140941,
    ],
  );
  const tail = poly(
    np.sqrt(np.maximum(w.ref, 5)).sub(3),
    [
      -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
      0.00943887047, 1.00167406, 2.83297682,
    ],
  );
  return np.where(w.less(5), central, tail).mul(x).mul(Math.SQRT2);
}
