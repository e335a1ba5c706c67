/**
 * How far a score of the search shaders can be from the true one, so that only rows in doubt are decided
 * elsewhere.
 *
 * The shaders rank the codes of a row x by `s_k = 1/2 |c_k|^2 - x . c_k`, the norm for `euclidean` alone,
 * where x and c_k are taken from an origin o. A sum of n products in float32, in whatever order and with
 * or without fused multiply-adds, is off by at most `n u / (1 - n u)` of the sum of their sizes (Higham,
 * "Accuracy and Stability of Numerical Algorithms", 2002, section 3.1). WGSL lets a device round up or
 * down, thus u = 2^-23. With the roundings of x - o, c - o and of the difference, and by Cauchy's
 * inequality, the error of s_k is at most
 *
 * `e_k = (gamma |x| + d) |c_k| + gamma/2 |c_k|^2`, `gamma = 1.0625 (D + 16) 2^-23`,
 *
 * where d is how far x itself may be off: in layers after the first, x is what those before left, and a
 * device may round these subtractions otherwise than the kernels do. The sixteenth on top covers the
 * roundings of lengths and bounds for any D up to `MOST_FEATURES`. 2^-49 on top of each length covers
 * numbers so small that a device may take them for 0.
 *
 * A row is *open* unless every other code has `s_k - e_k > s + e + w`, with the best code's s and e, and
 * `w = (D + 16) 2^-51 |x|^2`: what float64, by which open rows are decided, itself rounds off.
 *
 * Numbers stay below 2^51, sums of squares below 2^118: nothing leaves float32.
 */

/** Above it the bound says nothing any more. */
export const MOST_FEATURES = 65536;

/** Numbers of vectors and codes stay below: the bits of `NUMBER_LIMIT` as float32. */
export const LIMIT_BITS = 0x58800000;

/** `gamma` for vectors of `dim` features. */
export const gammaOf = (dim: number): number => 1.0625 * (dim + 16) * 2 ** -23;

/** `w / |x|^2`. */
export const doubleOf = (dim: number): number => (dim + 16) * 2 ** -51;
