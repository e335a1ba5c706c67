/** |row - code|^2 in f32, by separate multiply and add in a fixed order. */
export function squaredDistance(row: usize, code: usize, dim: i32): f32 {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let d = 0;
  for (const whole = dim & ~7; d < whole; d += 8) {
    const at = <usize>d << 2;
    const v0 = f32x4.sub(v128.load(row + at), v128.load(code + at));
    const v1 = f32x4.sub(v128.load(row + at, 16), v128.load(code + at, 16));
    s0 = f32x4.add(s0, f32x4.mul(v0, v0));
    s1 = f32x4.add(s1, f32x4.mul(v1, v1));
  }
  let sum: f32 = 0;
  for (; d < dim; ++d) {
    const v = load<f32>(row + (<usize>d << 2)) - load<f32>(code + (<usize>d << 2));
    sum += v * v;
  }
  s0 = f32x4.add(s0, s1);
  return (
    sum +
    (f32x4.extract_lane(s0, 0) + f32x4.extract_lane(s0, 1)) +
    (f32x4.extract_lane(s0, 2) + f32x4.extract_lane(s0, 3))
  );
}
