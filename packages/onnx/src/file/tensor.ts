/** Tensors of an ONNX file. */

/** Element types, by the names that jax-js has for them; int64 is ONNX's for sizes. */
export type ElementType = "float32" | "int32" | "uint32" | "int64" | "bool";

/** Their numbers in `TensorProto.DataType`. */
export const elementTypes: Readonly<Record<ElementType, number>> = {
  float32: 1,
  int32: 6,
  int64: 7,
  bool: 9,
  uint32: 12,
};

/** A tensor of the file; its bytes are little-endian. */
export interface FileTensor {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** TensorNumbers as the bytes of a tensor. */
export function tensorBytes(type: ElementType, numbers: ArrayLike<number>): Uint8Array {
  const sizes = { float32: 4, int32: 4, uint32: 4, int64: 8, bool: 1 };
  const bytes = new Uint8Array(numbers.length * sizes[type]);
  const view = new DataView(bytes.buffer);
  const write: Record<ElementType, (at: number, value: number) => void> = {
    float32: (at, value) => view.setFloat32(4 * at, value, true),
    int32: (at, value) => view.setInt32(4 * at, value, true),
    uint32: (at, value) => view.setUint32(4 * at, value, true),
    int64: (at, value) => view.setBigInt64(8 * at, BigInt(value), true),
    bool: (at, value) => view.setUint8(at, value ? 1 : 0),
  };
  for (let at = 0; at < numbers.length; at++) write[type](at, numbers[at] as number);
  return bytes;
}
