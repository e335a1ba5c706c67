/** The numbers that jax-js's `random.uniform` draws for a key, by Threefry-2x32-20. */

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

/** Uniform in [0, 1): those of the counters (0, `low`) for the key of words `k0` and `k1`. */
// @ts-ignore: decorator
@inline
export function uniformOf(k0: i32, k1: i32, low: v128): v128 {
  const words = threefry(k0, k1, low);
  return f32x4.sub(i32x4.add(i32x4.shr_u(words, 9), i32x4.splat(0x3f800000)), f32x4.splat(1));
}

/** Vectors from `begin` to `end` of the numbers for the key whose two words are at `key`. */
export function uniform(begin: i32, end: i32, _scratch: usize, key: usize, out: usize): i32 {
  let low = i32x4.add(i32x4.splat(begin << 2), i32x4(0, 1, 2, 3));
  for (let at = <usize>begin << 4; at < <usize>end << 4; at += 16) {
    v128.store(out + at, uniformOf(load<i32>(key), load<i32>(key, 4), low));
    low = i32x4.add(low, i32x4.splat(4));
  }
  return 0;
}
