/** Numbers made 0 at random, by the numbers that jax-js's `random.uniform` draws for the same key. */

import { uniformOf } from "../codes/uniform";

/**
 * `y = x * scale` where the number drawn for it, uniform in [0, 1), is less than `share`, else `x * 0`:
 * vectors from `begin` to `end`. `key` is the address of two words.
 */
export function dropout(
  begin: i32,
  end: i32,
  _scratch: usize,
  x: usize,
  y: usize,
  key: usize,
  share: f32,
  scale: f32,
): i32 {
  const k0 = load<i32>(key);
  const k1 = load<i32>(key, 4);
  const scales = f32x4.splat(scale);
  const shares = f32x4.splat(share);
  let low = i32x4.add(i32x4.splat(begin << 2), i32x4(0, 1, 2, 3));
  for (let vector = begin; vector < end; ++vector) {
    const factor = v128.and(scales, f32x4.lt(uniformOf(k0, k1, low), shares));
    const at = <usize>vector << 4;
    v128.store(y + at, f32x4.mul(v128.load(x + at), factor));
    low = i32x4.add(low, i32x4.splat(4));
  }
  return 0;
}
