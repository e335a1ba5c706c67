/**
 * 16-bit floats by hand: `Float16Array` does not exist on Node 20, and bfloat16 has no typed array
 * anywhere.
 */

const word = new DataView(new ArrayBuffer(4));

/** The value of the IEEE 754 binary16 number with these 16 `bits`; exact. */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The 16 bits of the binary16 number nearest to `value`; ties to even, overflow to infinity. */
export function numberToFloat16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(size)) return 0x7e00;
  // 65520 lies half-way between the largest finite number, 65504, and the step after it.
  if (size >= 65520) return sign | 0x7c00;
  // The exponent of the spacing between neighbours; subnormals share that of the smallest normals.
  const exponent = Math.max(floorLog2(size), -14);
  const steps = roundHalfToEven(size * 2 ** (10 - exponent));
  // `steps` is 1024..2048 for normal numbers: adding it to the exponent field carries 2048 over.
  return sign | (((exponent + 14) << 10) + steps);
}

/** The value of the bfloat16 number with these 16 `bits`; exact. */
export function bfloat16ToNumber(bits: number): number {
  word.setUint32(0, bits * 0x10000);
  return word.getFloat32(0);
}

function floorLog2(value: number): number {
  word.setFloat32(0, value);
  return ((word.getUint32(0) >> 23) & 0xff) - 127;
}

function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
