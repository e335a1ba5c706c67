/** `to = row - code`, all f32 [dim]; `to` may be `row`. */
export function subtractRow(row: usize, code: usize, to: usize, dim: i32): void {
  let d = 0;
  for (const whole = dim & ~3; d < whole; d += 4) {
    const at = <usize>d << 2;
    v128.store(to + at, f32x4.sub(v128.load(row + at), v128.load(code + at)));
  }
  for (; d < dim; ++d) {
    const at = <usize>d << 2;
    store<f32>(to + at, load<f32>(row + at) - load<f32>(code + at));
  }
}
