import { numpy as np, random } from "@jax-js/jax";

/** A fixed rotation of the latents, present where the option `orthogonalRotation` is on. */
export type Rotation = { rotation?: np.Array }; // [d, d]

/**
 * A random orthogonal matrix `[d, d]`, uniform over all of them: the polar factor of a matrix of
 * normal entries, by Newton-Schulz steps `X <- 3/2 X - 1/2 X X^T X`.
 *
 * Source: Bjorck and Bowie, "An Iterative Algorithm for Computing the Best Estimate of an Orthogonal
 * Matrix", 1971, https://doi.org/10.1137/0708036
 */
export function randomRotation(key: np.Array, d: number): np.Array {
  const normal = random.normal(key, [d, d]);
  let x = normal.ref.div(np.sqrt(np.sum(np.square(normal)))); // all singular values at most 1
  for (let step = 0; step < 50; step++) {
    const gram = np.matmul(x.ref.transpose(), x.ref);
    x = x.ref.mul(1.5).sub(np.matmul(x, gram).mul(0.5));
  }
  return x;
}

/** A random rotation of `d` features, if one is asked for. Takes ownership. */
export function initRotation(key: np.Array, d: number, rotates: boolean): { rotation?: np.Array } {
  if (rotates) return { rotation: randomRotation(key, d) };
  key.dispose();
  return {};
}

/** `x R` over the last axis. Nothing to do without a rotation. */
export function rotate(x: np.Array, { rotation }: Rotation): np.Array {
  return rotation ? np.matmul(x, rotation) : x;
}

/** `x R^T`, the inverse of `rotate`. */
export function rotateBack(x: np.Array, { rotation }: Rotation): np.Array {
  return rotation ? np.matmul(x, rotation.transpose()) : x;
}
