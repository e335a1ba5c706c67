import { lax, numpy as np } from "@jax-js/jax";
import { normalise } from "../search/graph.ts";

/**
 * The largest factor by which the rotation trick scales a gradient. `|q| / |x|` grows without bound
 * as `x` nears the origin; the reference lets it pass 1,000 there.
 */
const largestScale = 100;

/**
 * The codes in value; in gradient, the rotation and scaling that carry `x` to its code, held
 * constant: `R = |q|/|x| (I - 2 w w^T + 2 q^ x^^T)` with `x^ = x/|x|`, `q^ = q/|q|` and
 * `w = (x^ + q^) / |x^ + q^|`.
 *
 * A vector of length 0 has no direction to rotate: its gradient is the straight-through one. The
 * scale `|q|/|x|` is capped at 100.
 *
 * @param x vectors `[N, D]`, which get the gradient
 * @param codes their codes `[N, D]`, which get none
 *
 * Source: Fifty et al., "Restructuring Vector Quantization with the Rotation Trick", 2024, section
 * 4.2, https://arxiv.org/abs/2410.06424
 */
export function rotationTrick(x: np.Array, codes: np.Array): np.Array {
  const from = lax.stopGradient(x.ref);
  const to = lax.stopGradient(codes);
  const fromNorm = np.sqrt(np.sum(np.square(from.ref), -1, { keepdims: true })); // [N, 1]
  const toNorm = np.sqrt(np.sum(np.square(to.ref), -1, { keepdims: true }));
  const u = from.div(np.maximum(fromNorm.ref, 1e-6));
  const v = to.ref.div(np.maximum(toNorm.ref, 1e-6));
  const w = normalise(u.ref.add(v.ref));

  const along = (axis: np.Array) => np.sum(x.ref.mul(axis), -1, { keepdims: true }); // [N, 1]
  const reflected = w.ref.mul(along(w)).mul(2);
  const carried = v.mul(along(u)).mul(2);
  const scale = np.minimum(toNorm.div(np.maximum(fromNorm.ref, 1e-6)), largestScale);
  const rotated = x.ref.sub(reflected).add(carried).mul(scale);

  const moving = np.where(fromNorm.greater(0), rotated, x);
  return to.add(moving.ref.sub(lax.stopGradient(moving)));
}
