/**
 * Eigenvectors of a symmetric matrix `[D, D]` in float64, in columns `[D, D]`, and their eigenvalues `[D]`, the largest
 * first: by Householder's reduction to three diagonals and implicit QL steps (Bowdler, Martin, Reinsch and Wilkinson,
 * 1968).
 */
export function principalAxes(matrix: Float64Array, dim: number) {
  const z = matrix.slice();
  const diagonal = new Float64Array(dim);
  const beside = new Float64Array(dim);
  reduce(z, dim, diagonal, beside);
  solve(z, dim, diagonal, beside);
  const order = Array.from(diagonal, (_, i) => i).sort(
    (a, b) => diagonal[b]! - diagonal[a]! || a - b,
  );
  const axes = new Float64Array(dim * dim);
  for (const [to, from] of order.entries()) {
    for (let row = 0; row < dim; row++) axes[row * dim + to] = z[from * dim + row]!;
  }
  return { axes, values: Float64Array.from(order, (i) => diagonal[i]!) };
}

/** Makes `z` the transposed product of the reflections, whose rows are then turned by `solve`. */
function reduce(z: Float64Array, n: number, d: Float64Array, e: Float64Array): void {
  for (let i = n - 1; i > 0; i--) {
    const own = z.subarray(i * n, i * n + i);
    let scale = 0;
    for (const value of own) scale += Math.abs(value);
    let h = 0;
    if (i === 1 || scale === 0) e[i] = own[i - 1]!;
    else {
      for (let k = 0; k < i; k++) {
        own[k]! /= scale;
        h += own[k]! * own[k]!;
      }
      const f = own[i - 1]!;
      const g = f >= 0 ? -Math.sqrt(h) : Math.sqrt(h);
      e[i] = scale * g;
      h -= f * g;
      own[i - 1] = f - g;
      reflect(z, n, i, own, e, h);
    }
    d[i] = h;
  }
  d[0] = 0;
  e[0] = 0;
  for (let i = 0; i < n; i++) {
    if (d[i] !== 0) {
      for (let j = 0; j < i; j++) {
        let g = 0;
        for (let k = 0; k < i; k++) g += z[i * n + k]! * z[k * n + j]!;
        for (let k = 0; k < i; k++) z[k * n + j]! -= g * z[k * n + i]!;
      }
    }
    d[i] = z[i * n + i]!;
    z[i * n + i] = 1;
    for (let j = 0; j < i; j++) {
      z[j * n + i] = 0;
      z[i * n + j] = 0;
    }
  }
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const swapped = z[i * n + j]!;
      z[i * n + j] = z[j * n + i]!;
      z[j * n + i] = swapped;
    }
  }
}

function reflect(
  z: Float64Array,
  n: number,
  i: number,
  own: Float64Array,
  e: Float64Array,
  h: number,
): void {
  let f = 0;
  for (let j = 0; j < i; j++) {
    z[j * n + i] = own[j]! / h;
    let g = 0;
    for (let k = 0; k <= j; k++) g += z[j * n + k]! * own[k]!;
    for (let k = j + 1; k < i; k++) g += z[k * n + j]! * own[k]!;
    e[j] = g / h;
    f += e[j]! * own[j]!;
  }
  const half = f / (h + h);
  for (let j = 0; j < i; j++) {
    const value = own[j]!;
    const g = e[j]! - half * value;
    e[j] = g;
    for (let k = 0; k <= j; k++) z[j * n + k]! -= value * e[k]! + g * own[k]!;
  }
}

/** Makes the three diagonals one, and rows of `z` the eigenvectors. */
function solve(z: Float64Array, n: number, d: Float64Array, e: Float64Array): void {
  for (let i = 1; i < n; i++) e[i - 1] = e[i]!;
  e[n - 1] = 0;
  for (let l = 0; l < n; l++) {
    for (let turns = 0; ; turns++) {
      let m = l;
      for (; m < n - 1; m++) {
        const size = Math.abs(d[m]!) + Math.abs(d[m + 1]!);
        if (Math.abs(e[m]!) <= Number.EPSILON * size) break;
      }
      if (m === l || turns === 60) break;
      let g = (d[l + 1]! - d[l]!) / (2 * e[l]!);
      const root = Math.hypot(g, 1);
      g = d[m]! - d[l]! + e[l]! / (g + (g >= 0 ? root : -root));
      let [s, c, p] = [1, 1, 0];
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * e[i]!;
        const b = c * e[i]!;
        const r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1]! -= p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1]! - p;
        const t = (d[i]! - g) * s + 2 * c * b;
        p = s * t;
        d[i + 1] = g + p;
        g = c * t - b;
        turn(z.subarray(i * n, (i + 1) * n), z.subarray((i + 1) * n, (i + 2) * n), s, c);
      }
      if (i >= l) continue;
      d[l]! -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
}

function turn(a: Float64Array, b: Float64Array, s: number, c: number): void {
  for (let k = 0; k < a.length; k++) {
    const f = b[k]!;
    b[k] = s * a[k]! + c * f;
    a[k] = c * a[k]! - s * f;
  }
}
