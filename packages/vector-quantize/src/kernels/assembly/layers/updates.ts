/**
 * Steps of optimizers, a block of numbers at a time: what is done with a block's updates is a list of
 * operations, so that memory is passed over once however many they are.
 */

/** Numbers of a block. */
export const BLOCK = 1024;

export const LOAD = 0;
export const STORE = 1;
export const SCALE = 2;
export const DECAY = 3;
export const ADAM = 4;
export const MOMENTUM = 5;
export const COLLECT = 6;
export const APPLY = 7;
export const AVERAGE = 8;
export const SQUARES = 9;
export const CLEAR = 10;

/** One operation on the updates of a range of numbers: written by the host. */
@unmanaged
export class Operation {
  kind: i32;
  /** Addresses of the range's other numbers. */
  a: usize;
  b: usize;
  /** Factors. */
  s: f64;
  t: f64;
  u: f64;
  v: f64;
  eps: f64;
}

// @ts-ignore: decorator
@inline
function splat(x: f64): v128 {
  return f32x4.splat(<f32>x);
}

/** Blocks from `begin` to `end` of `floats` numbers, a multiple of 4, by `count` operations. */
export function updateBlocks(
  begin: i32,
  end: i32,
  scratch: usize,
  operations: usize,
  count: i32,
  floats: i32,
): i32 {
  for (let block = begin; block < end; ++block) {
    const first = block * BLOCK;
    const stop = scratch + (<usize>min(BLOCK, floats - first) << 2);
    for (let i = 0; i < count; ++i) {
      const operation = changetype<Operation>(
        operations + <usize>i * offsetof<Operation>(),
      );
      const a = operation.a + (<usize>first << 2);
      const b = operation.b + (<usize>first << 2);
      switch (operation.kind) {
        case LOAD: {
          memory.copy(scratch, a, stop - scratch);
          break;
        }
        case STORE: {
          memory.copy(a, scratch, stop - scratch);
          break;
        }
        case CLEAR: {
          memory.fill(scratch, 0, stop - scratch);
          break;
        }
        case SCALE: {
          scale(scratch, stop, splat(operation.s));
          break;
        }
        case DECAY: {
          decay(scratch, stop, a, splat(operation.s));
          break;
        }
        case ADAM: {
          adam(scratch, stop, a, b, operation);
          break;
        }
        case MOMENTUM: {
          momentum(scratch, stop, a, operation);
          break;
        }
        case COLLECT: {
          collect(scratch, stop, a, operation);
          break;
        }
        case APPLY: {
          apply(scratch, stop, a);
          break;
        }
        case AVERAGE: {
          average(stop - scratch, a, b, splat(operation.s));
          break;
        }
        case SQUARES: {
          store<f64>(operation.b + (<usize>block << 3), squares(scratch, stop));
          break;
        }
      }
    }
  }
  return 0;
}

/** `u *= factor` */
function scale(u: usize, stop: usize, factor: v128): void {
  for (; u != stop; u += 16) v128.store(u, f32x4.mul(v128.load(u), factor));
}

/** `u += share * a` */
function decay(u: usize, stop: usize, a: usize, share: v128): void {
  for (; u != stop; u += 16) {
    v128.store(u, f32x4.add(v128.load(u), f32x4.mul(v128.load(a), share)));
    a += 16;
  }
}

/**
 * `a = s a + (1 - s) u`, `b = t b + (1 - t) u^2`, then `u = a u' / (sqrt(b) v' + eps)`, where `u'` and
 * `v'` are the fields `u` and `v`: what makes up for the zero start of both.
 */
function adam(u: usize, stop: usize, a: usize, b: usize, by: Operation): void {
  const keepMean = splat(by.s);
  const keepSquare = splat(by.t);
  const newMean = splat(1 - by.s);
  const newSquare = splat(1 - by.t);
  const meanScale = splat(by.u);
  const squareScale = splat(by.v);
  const eps = splat(by.eps);
  for (; u != stop; u += 16) {
    const g = v128.load(u);
    const mean = f32x4.add(f32x4.mul(v128.load(a), keepMean), f32x4.mul(g, newMean));
    const square = f32x4.add(
      f32x4.mul(v128.load(b), keepSquare),
      f32x4.mul(f32x4.mul(g, g), newSquare),
    );
    v128.store(a, mean);
    v128.store(b, square);
    const root = f32x4.add(f32x4.mul(f32x4.sqrt(square), squareScale), eps);
    v128.store(u, f32x4.div(f32x4.mul(mean, meanScale), root));
    a += 16;
    b += 16;
  }
}

/** `a = u + s a`, then `u = a`; or, where `t` is not 0, `u += s a`. */
function momentum(u: usize, stop: usize, a: usize, by: Operation): void {
  const keep = splat(by.s);
  const ahead = by.t != 0;
  for (; u != stop; u += 16) {
    const g = v128.load(u);
    const past = f32x4.add(g, f32x4.mul(v128.load(a), keep));
    v128.store(a, past);
    v128.store(u, ahead ? f32x4.add(g, f32x4.mul(past, keep)) : past);
    a += 16;
  }
}

/** `u = a + s (u - a)`, the mean so far, which `a` becomes; or 0, where `t` is not 0. */
function collect(u: usize, stop: usize, a: usize, by: Operation): void {
  const share = splat(by.s);
  const emptied = by.t != 0;
  for (; u != stop; u += 16) {
    const before = v128.load(a);
    const mean = f32x4.add(before, f32x4.mul(f32x4.sub(v128.load(u), before), share));
    v128.store(u, mean);
    v128.store(a, emptied ? f32x4.splat(0) : mean);
    a += 16;
  }
}

/** `a += u` */
function apply(u: usize, stop: usize, a: usize): void {
  for (; u != stop; u += 16) {
    v128.store(a, f32x4.add(v128.load(a), v128.load(u)));
    a += 16;
  }
}

/** `b += share (a - b)` for so many bytes. */
function average(bytes: usize, a: usize, b: usize, share: v128): void {
  for (const stop = a + bytes; a != stop; a += 16) {
    const before = v128.load(b);
    v128.store(b, f32x4.add(before, f32x4.mul(f32x4.sub(v128.load(a), before), share)));
    b += 16;
  }
}

/** The sum of the squares. */
function squares(u: usize, stop: usize): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (; u != stop; u += 16) {
    const x = v128.load(u);
    const a = f64x2.promote_low_f32x4(x);
    const b = f64x2.promote_low_f32x4(
      i8x16.shuffle(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15),
    );
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}
