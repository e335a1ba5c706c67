/**
 * The safetensors file format on typed arrays: no device, no jax-js.
 *
 * A file is the length of the header (8 bytes, little-endian), the header (JSON: dtype, shape and
 * byte range of every tensor, texts under `__metadata__`), and the numbers, row by row, without
 * gaps. Source: https://github.com/huggingface/safetensors#format
 */
import { checkBytes, expected, VectorQuantizeError } from "../errors.ts";
import { encodeData, fileDtype, fileName, type HostTensor } from "./dtypes.ts";
import { duplicateKey } from "./duplicateKey.ts";

/** The specification's limit, which keeps a damaged length from asking for all memory. */
const maxHeaderBytes = 100_000_000;

/** All that a file holds. */
export interface HostTensors {
  tensors: Record<string, HostTensor>;
  metadata: Record<string, string>;
}

interface Entry {
  readonly name: string;
  readonly dtype: unknown;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads a safetensors file.
 *
 * @param bytes the file.
 * @param where what errors call it: usually the file's name.
 * @throws VectorQuantizeError if the file is damaged, truncated, or holds a type that can't be read.
 */
export function decodeSafetensors(bytes: Uint8Array, where = "safetensors"): HostTensors {
  checkBytes(where, bytes);
  checkNoPickle(bytes, where);
  const headerBytes = headerLength(bytes, where);
  const header = parseHeader(bytes.subarray(8, 8 + headerBytes), where);
  const numbers = bytes.subarray(8 + headerBytes);
  const { __metadata__: metadata = {}, ...rest } = header;
  checkMetadata(metadata, where);
  const entries = Object.entries(rest).map(([name, value]) => parseEntry(name, value, where));
  checkRanges(entries, numbers.byteLength, where);
  const tensors = entries.map(({ name, dtype, shape, begin, end }) => {
    const of = `${where}: tensor ${JSON.stringify(name)}`;
    const { host, decode } = fileDtype(of, dtype);
    // A copy, so that the numbers are aligned and the file's memory can be freed.
    const { buffer } = new Uint8Array(numbers.subarray(begin, end));
    return [name, { dtype: host, shape, data: decode(buffer, of) }] as const;
  });
  return { tensors: Object.fromEntries(tensors), metadata };
}

/** How files of `torch.save` begin: a zip archive, or a pickle of protocol 2. */
const ofTorch = [
  [0x50, 0x4b, 0x03, 0x04],
  [0x80, 0x02, 0x8a, 0x0a],
] as const;

/** Throws at a file that PyTorch itself wrote, with what to do about it. */
function checkNoPickle(bytes: Uint8Array, where: string): void {
  if (!ofTorch.some((begin) => begin.every((byte, at) => bytes[at] === byte))) return;
  throw expected(
    where,
    "a safetensors file",
    "a file of torch.save",
    'In Python: safetensors.torch.save_file(torch.load("it.pt", map_location="cpu"), "it.safetensors"), ' +
      "of the state_dict in it",
  );
}

/**
 * Writes a safetensors file, byte for byte as the Python library does: tensors by falling alignment,
 * then by name; the header padded with spaces to a multiple of 8 bytes.
 *
 * @throws VectorQuantizeError if a tensor's numbers don't fill its shape, or its name is taken.
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, HostTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  checkMetadata(metadata, "encodeSafetensors");
  const placed = Object.entries(tensors).map(([name, tensor]) => {
    const elements = tensor.shape.reduce((product, size) => product * size, 1);
    const where = `encodeSafetensors: tensor ${JSON.stringify(name)}`;
    if (name === "__metadata__") throw expected(where, "a name that is not reserved", name);
    if (tensor.data.length !== elements) {
      throw expected(where, `${elements} numbers for shape [${tensor.shape}]`, tensor.data.length);
    }
    return { name, tensor, file: fileName(tensor.dtype), bytes: encodeData(tensor) };
  });
  placed.sort((a, b) => b.file.rank - a.file.rank || compareUtf8(a.name, b.name));

  // Joined by hand, because an object would move names that look like numbers to the front.
  const fields =
    Object.keys(metadata).length > 0 ? [`"__metadata__":${JSON.stringify(metadata)}`] : [];
  let end = 0;
  for (const { name, tensor, file, bytes } of placed) {
    const begin = end;
    end += bytes.byteLength;
    fields.push(
      `${JSON.stringify(name)}:${JSON.stringify({ dtype: file.name, shape: tensor.shape, data_offsets: [begin, end] })}`,
    );
  }
  const header = new TextEncoder().encode(`{${fields.join(",")}}`);
  const headerBytes = Math.ceil(header.byteLength / 8) * 8;
  const out = new Uint8Array(8 + headerBytes + end).fill(
    0x20,
    8 + header.byteLength,
    8 + headerBytes,
  );
  new DataView(out.buffer).setBigUint64(0, BigInt(headerBytes), true);
  out.set(header, 8);
  let at = 8 + headerBytes;
  for (const { bytes } of placed) {
    out.set(bytes, at);
    at += bytes.byteLength;
  }
  return out;
}

function headerLength(bytes: Uint8Array, where: string): number {
  if (bytes.byteLength < 8) {
    throw expected(where, "a safetensors file of at least 8 bytes", bytes.byteLength);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) {
    const mend = "Is it a safetensors file?";
    throw expected(where, `a header of at most ${maxHeaderBytes} bytes`, length, mend);
  }
  if (Number(length) > bytes.byteLength - 8) {
    throw expected(
      where,
      `a header of ${length} bytes`,
      bytes.byteLength - 8,
      "The file is truncated or not a safetensors file",
    );
  }
  return Number(length);
}

function parseHeader(bytes: Uint8Array, where: string): Record<string, unknown> {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    header = JSON.parse(text);
  } catch {
    throw new VectorQuantizeError(`${where}: expected a header of JSON text, got something else`);
  }
  if (!isRecord(header)) throw expected(where, "a header that is a JSON object", header);
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined) throw expected(where, "every name in the header once", duplicate);
  return header;
}

function parseEntry(name: string, value: unknown, where: string): Entry {
  const of = `${where}: tensor ${JSON.stringify(name)}`;
  if (!isRecord(value)) throw expected(of, "an object with dtype, shape and data_offsets", value);
  const { dtype, shape, data_offsets: offsets } = value;
  const { bytes } = fileDtype(of, dtype);
  if (!isCounts(shape)) throw expected(of, "a shape of non-negative integers", shape);
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw expected(of, "data_offsets of two non-negative integers", offsets);
  }
  const [begin, end] = offsets as [number, number];
  const size = shape.reduce((product, count) => product * count, bytes);
  if (end - begin !== size) {
    throw expected(`${of}: data_offsets`, `${size} bytes for ${dtype} [${shape}]`, end - begin);
  }
  return { name, dtype, shape, begin, end };
}

/** Throws unless the ranges follow one another from 0 to `total`. */
function checkRanges(entries: readonly Entry[], total: number, where: string): void {
  let at = 0;
  for (const { name, begin, end } of entries.toSorted(
    (a, b) => a.begin - b.begin || a.end - b.end,
  )) {
    if (begin !== at) {
      const what = begin < at ? "overlaps the tensor before it" : "leaves a gap before it";
      throw expected(
        `${where}: tensor ${JSON.stringify(name)} ${what}: data_offsets`,
        `a range that begins at ${at}`,
        begin,
      );
    }
    at = end;
  }
  if (at !== total) {
    throw expected(
      where,
      `${at} bytes of numbers`,
      total,
      total < at ? "The file is truncated" : "The file has bytes that belong to no tensor",
    );
  }
}

function checkMetadata(
  metadata: unknown,
  where: string,
): asserts metadata is Record<string, string> {
  if (!isRecord(metadata)) throw expected(`${where}: metadata`, "an object of texts", metadata);
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string") {
      throw expected(`${where}: metadata ${JSON.stringify(key)}`, "a text", value);
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** Orders by code points, as UTF-8 bytes do; `<` on strings orders by UTF-16 units. */
function compareUtf8(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  const differs = left.findIndex((char, i) => char !== right[i]);
  if (differs === -1) return left.length - right.length;
  return (left[differs]?.codePointAt(0) ?? 0) - (right[differs]?.codePointAt(0) ?? -1);
}
