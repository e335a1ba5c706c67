/** `c + a * b`: fused where relaxed SIMD offers it, else multiply and add. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
}

/** Copies `bytes`, a multiple of 4. Neither side is touched past its end. */
export function copyFloats(to: usize, from: usize, bytes: usize): void {
  const end = to + bytes;
  while (to + 16 <= end) {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
  }
  while (to < end) {
    store<f32>(to, load<f32>(from));
    to += 4;
    from += 4;
  }
}

/** Zeros of `bytes`, a multiple of 4. */
export function clearFloats(to: usize, bytes: usize): void {
  const end = to + bytes;
  const zero = f32x4.splat(0);
  while (to + 16 <= end) {
    v128.store(to, zero);
    to += 16;
  }
  while (to < end) {
    store<f32>(to, 0);
    to += 4;
  }
}

/** `to[c] = from[c] + from[columns + c] + ...`: what `wide` rows side by side came to. */
export function foldColumns(from: usize, to: usize, columns: i32, wide: i32): void {
  for (let c = 0; c < columns; ++c) {
    let sum: f32 = 0;
    for (let w = 0; w < wide; ++w) sum += load<f32>(from + (<usize>(w * columns + c) << 2));
    store<f32>(to + (<usize>c << 2), sum);
  }
}
