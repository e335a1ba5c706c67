import { DType, numpy as np } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import { isArray, isRecord, isTraced, isUsedUp, owns, release } from "../tree.ts";
import type { HostData, HostDtype, HostTensor } from "./dtypes.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensorsFormat.ts";

/**
 * Reads a safetensors file into arrays.
 *
 * F32, I32, U32 and BOOL are read as they are. F16, BF16 and F64 become float32; I8, U8, I16, U16
 * and I64 become int32; U64 becomes uint32.
 *
 * @param bytes the file.
 * @returns the arrays by name, on the default device, and the texts of the file's metadata.
 * @throws VectorQuantizeError if the file is damaged or truncated, or one of `torch.save`, or a 64-bit
 *   integer needs more than 32 bits.
 * @see https://github.com/huggingface/safetensors
 */
export function readSafetensors(bytes: Uint8Array): {
  tensors: Record<string, np.Array>;
  metadata: Record<string, string>;
} {
  const { tensors, metadata } = decodeSafetensors(bytes);
  return { tensors: mapValues(tensors, toDevice), metadata };
}

/**
 * Writes arrays as a safetensors file, laid out as the Python library does.
 *
 * Synchronous, so the arrays must be ready when jax-js runs on threads or on WebGPU: see
 * `saveSafetensors`, which waits for them.
 *
 * @param tensors float32, int32, uint32, bool or float16 arrays by name; ownership is taken.
 * @param metadata texts to store beside them.
 * @throws VectorQuantizeError if an array is still being computed, or is none, or is used up.
 */
export function writeSafetensors(
  tensors: Record<string, np.Array>,
  metadata?: Record<string, string>,
): Uint8Array<ArrayBuffer> {
  using _ = owns(tensors);
  checkTensors("writeSafetensors", tensors);
  return encodeSafetensors(mapValues(tensors, toHostSync), metadata);
}

/** `writeSafetensors` that waits for its arrays; works on every device. */
export async function saveSafetensors(
  tensors: Record<string, np.Array>,
  metadata?: Record<string, string>,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    checkTensors("saveSafetensors", tensors);
  } catch (error) {
    release(tensors);
    throw error;
  }
  return encodeSafetensors(await toHost(tensors), metadata);
}

function checkTensors(where: string, tensors: unknown): void {
  if (!isRecord(tensors)) throw expected(`${where}: tensors`, "arrays by name", tensors);
  for (const [name, array] of Object.entries(tensors)) {
    const of = `${where}: tensor ${JSON.stringify(name)}`;
    if (!isArray(array)) throw expected(of, "a jax-js array", array);
    if (isTraced(array)) throw expected(of, "an array with numbers", "one of a trace");
    if (!isUsedUp(array)) continue;
    throw new VectorQuantizeError(
      `${of}: expected an array to take over, got one that is used up or disposed of. ` +
        "A call takes what it is given: pass array.ref to the one before to keep it",
    );
  }
}

/** The numbers of `tensors`, read back without blocking. Takes ownership. */
export async function toHost(
  tensors: Record<string, np.Array>,
): Promise<Record<string, HostTensor>> {
  const read = Object.entries(tensors).map(async ([name, array]) => {
    const { dtype, shape } = array;
    return [name, hostTensor(name, dtype, shape, await array.data())] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}

/** An array on the default device with the numbers of a tensor. */
export function toDevice({ dtype, shape, data }: HostTensor): np.Array {
  const options = { shape: [...shape], dtype: dtypes[dtype] };
  return data.length === 0 ? np.zeros(options.shape, options) : np.array(data, options);
}

function mapValues<A, B>(
  record: Record<string, A>,
  map: (value: A, name: string) => B,
): Record<string, B> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, map(value, name)] as const),
  );
}

const dtypes: Record<HostDtype, DType> = {
  float32: DType.Float32,
  int32: DType.Int32,
  uint32: DType.Uint32,
  bool: DType.Bool,
  float16: DType.Float16,
};

function toHostSync(array: np.Array, name: string): HostTensor {
  const { dtype, shape } = array;
  let data: ReturnType<typeof array.dataSync>;
  try {
    data = array.ref.dataSync();
  } catch {
    array.dispose(); // the reference that a successful read would have used up
    throw new VectorQuantizeError(
      `writeSafetensors: tensor ${JSON.stringify(name)}: expected an array that is ready, got one ` +
        "still being computed. Use `await saveSafetensors(...)`, which waits",
    );
  }
  return hostTensor(name, dtype, shape, data);
}

function hostTensor(
  name: string,
  dtype: DType,
  shape: readonly number[],
  data: ArrayLike<number>,
): HostTensor {
  if (!Object.hasOwn(dtypes, dtype)) {
    const where = `writeSafetensors: tensor ${JSON.stringify(name)}`;
    throw expected(where, `a dtype out of ${Object.keys(dtypes).join(", ")}`, String(dtype));
  }
  // float16 is held as float32, because Node 20 has no array for it.
  const held = dtype === DType.Float16 ? Float32Array.from(data) : (data as HostData);
  return { dtype: dtype as HostDtype, shape, data: held };
}
