/**
 * Fourier transforms of `size` (a power of 2) complex numbers in four lanes: each number is a vector of
 * real parts and one of imaginary parts behind it, 32 bytes. `twiddles` are pairs cos, -sin of
 * `2 pi j / size` for `j` below `size / 2`.
 *
 * `fourier` takes them in order and leaves number k at the place whose bits are those of k in reverse;
 * `fourierBack` takes them at such places and leaves them in order. Both are sums of x[i] exp(-2 pi j i k
 * / size).
 */
export function fourier(at: usize, size: i32, twiddles: usize): void {
  for (let half = size >> 1; half >= 1; half >>= 1) {
    const stride = <usize>(size / (half << 1)) << 3;
    const across = <usize>half << 5;
    for (let group = 0; group < size; group += half << 1) {
      let a = at + (<usize>group << 5);
      let twiddle = twiddles;
      for (const end = a + across; a < end; a += 32) {
        const c = v128.load32_splat(twiddle);
        const s = v128.load32_splat(twiddle, 4);
        const ar = v128.load(a);
        const ai = v128.load(a, 16);
        const br = v128.load(a + across);
        const bi = v128.load(a + across, 16);
        v128.store(a, f32x4.add(ar, br));
        v128.store(a, f32x4.add(ai, bi), 16);
        const r = f32x4.sub(ar, br);
        const i = f32x4.sub(ai, bi);
        v128.store(a + across, f32x4.sub(f32x4.mul(r, c), f32x4.mul(i, s)));
        v128.store(a + across, f32x4.add(f32x4.mul(r, s), f32x4.mul(i, c)), 16);
        twiddle += stride;
      }
    }
  }
}

/** See above. */
export function fourierBack(at: usize, size: i32, twiddles: usize): void {
  for (let half = 1; half < size; half <<= 1) {
    const stride = <usize>(size / (half << 1)) << 3;
    const across = <usize>half << 5;
    for (let group = 0; group < size; group += half << 1) {
      let a = at + (<usize>group << 5);
      let twiddle = twiddles;
      for (const end = a + across; a < end; a += 32) {
        const c = v128.load32_splat(twiddle);
        const s = v128.load32_splat(twiddle, 4);
        const br = v128.load(a + across);
        const bi = v128.load(a + across, 16);
        const r = f32x4.sub(f32x4.mul(br, c), f32x4.mul(bi, s));
        const i = f32x4.add(f32x4.mul(br, s), f32x4.mul(bi, c));
        const ar = v128.load(a);
        const ai = v128.load(a, 16);
        v128.store(a, f32x4.add(ar, r));
        v128.store(a, f32x4.add(ai, i), 16);
        v128.store(a + across, f32x4.sub(ar, r));
        v128.store(a + across, f32x4.sub(ai, i), 16);
        twiddle += stride;
      }
    }
  }
}
