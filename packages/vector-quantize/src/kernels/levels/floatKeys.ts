const bits = new Int32Array(1);
const float = new Float32Array(bits.buffer);

/** Integers in the order of the float32 values: -1 is -0, 0 is 0, 1 the smallest above. */
export function keyOf(x: number): number {
  float[0] = x;
  return bits[0]! >= 0 ? bits[0]! : -(bits[0]! & 0x7fffffff) - 1;
}

/** The inverse of `keyOf`. */
export function floatOf(key: number): number {
  bits[0] = key >= 0 ? key : -(key + 1) | 0x80000000;
  return float[0]!;
}
