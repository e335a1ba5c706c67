/** Numbers made 0 at random, by the words that jax-js's `random.uniform` draws for the same key. */

// @ts-ignore: decorator
@inline
function turned(x: v128, by: i32): v128 {
  return v128.or(i32x4.shl(x, by), i32x4.shr_u(x, 32 - by));
}

/** Threefry-2x32-20 of the counters (0, `low`) in four lanes; both words joined by exclusive or. */
// @ts-ignore: decorator
@inline
function threefry(k0: i32, k1: i32, low: v128): v128 {
  const k2 = k0 ^ k1 ^ 0x1bd11bda;
  let a = i32x4.splat(k0);
  let b = i32x4.add(low, i32x4.splat(k1));
  for (let round = 0; round < 5; ++round) {
    const odd = (round & 1) != 0;
    a = i32x4.add(a, b);
    b = v128.xor(odd ? turned(b, 17) : turned(b, 13), a);
    a = i32x4.add(a, b);
    b = v128.xor(odd ? turned(b, 29) : turned(b, 15), a);
    a = i32x4.add(a, b);
    b = v128.xor(odd ? turned(b, 16) : turned(b, 26), a);
    a = i32x4.add(a, b);
    b = v128.xor(odd ? turned(b, 24) : turned(b, 6), a);
    const third = round % 3;
    const first = third == 0 ? k1 : third == 1 ? k2 : k0;
    const second = third == 0 ? k2 : third == 1 ? k0 : k1;
    a = i32x4.add(a, i32x4.splat(first));
    b = i32x4.add(b, i32x4.splat(second + round + 1));
  }
  return v128.xor(a, b);
}

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
  const one = f32x4.splat(1);
  let low = i32x4.add(i32x4.splat(begin << 2), i32x4(0, 1, 2, 3));
  for (let vector = begin; vector < end; ++vector) {
    const words = threefry(k0, k1, low);
    const drawn = f32x4.sub(i32x4.add(i32x4.shr_u(words, 9), i32x4.splat(0x3f800000)), one);
    const factor = v128.and(scales, f32x4.lt(drawn, shares));
    const at = <usize>vector << 4;
    v128.store(y + at, f32x4.mul(v128.load(x + at), factor));
    low = i32x4.add(low, i32x4.splat(4));
  }
  return 0;
}
