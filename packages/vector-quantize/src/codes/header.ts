import { expected, VectorQuantizeError } from "../errors.ts";
import { ByteReader, ByteWriter, checkSum, crc32c } from "./bytes.ts";
import { packCodes, packedBytes, unpackCodes } from "./fixedPacking.ts";
import { type CodeLayer, checkCodeLayers } from "./layers.ts";
import { checkPrior, type VqPrior } from "./prior.ts";
import type { VqHeader } from "./vqHeader.ts";

const magic = [0x89, 0x56, 0x51, 0x0d, 0x0a, 0x1a, 0x0a]; // "\x89VQ\r\n\x1a\n"
/** Of files that need no prior, and of those that do. */
const [version, versionWithPrior] = [1, 2];

/** What the header of a file says. */
export interface VqFileHeader extends VqHeader {
  /** The name of the prior that the file was written with: it is needed for reading. */
  readonly prior?: string;
}

/** Bytes before the header's own: magic, version, length, checksum. */
export const headerBegin = 16;
const mostHeader = 2 ** 26;

interface LayerJson {
  readonly size: number;
  readonly levels?: number[];
  readonly order?: { readonly crc32c: number; readonly stored: boolean };
}

/**
 * The bytes that a file begins with.
 *
 * @param storeOrders whether it has the orders of its codes, or only their checksums
 * @param prior the name of the prior that reading it needs
 */
export function headerBytes(
  header: VqHeader,
  storeOrders: boolean,
  prior?: string,
): Uint8Array<ArrayBuffer> {
  const { layers, quantizer, model, metadata } = header;
  const described = layers.map(({ size, levels, order }) => ({
    size,
    levels,
    ...(order && { order: { crc32c: orderSum(order), stored: storeOrders } }),
  }));
  const rest = { quantizer, model, metadata };
  checkRest("createVqWriter", rest);
  const json = textOf({ layers: described, ...rest, prior });
  const text = new TextEncoder().encode(json);
  const body = new ByteWriter().varint(text.length).raw(text);
  for (const { order } of layers)
    if (order && storeOrders) body.raw(packCodes(order, order.length));
  const bytes = body.done();
  if (bytes.length > mostHeader) {
    throw expected("vq header", `at most ${mostHeader} bytes`, bytes.length);
  }
  const start = new ByteWriter().raw(magic);
  start.raw([prior === undefined ? version : versionWithPrior]).uint32(bytes.length);
  return start.uint32(crc32c(bytes)).raw(bytes).done();
}

function textOf(header: object): string {
  try {
    return JSON.stringify(header);
  } catch (error) {
    throw new VectorQuantizeError(`createVqWriter: expected JSON, got ${(error as Error).message}`);
  }
}

/** Throws unless what a header says beside its layers is of the right kinds. */
function checkRest(where: string, { quantizer, model, metadata }: Record<string, unknown>): void {
  for (const [name, value] of Object.entries({ quantizer, metadata })) {
    if (value !== undefined && !isRecord(value)) {
      throw expected(`${where}: ${name}`, "an object", value);
    }
  }
  if (model !== undefined && typeof model !== "string") {
    throw expected(`${where}: model`, "a text", model);
  }
}

const isRecord = (value: unknown) =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function orderSum(order: Uint32Array): number {
  return crc32c(packCodes(order, order.length));
}

/**
 * Bytes of the header behind its first 16.
 *
 * @param start the file's first 16 bytes
 */
export function headerLength(where: string, start: Uint8Array): number {
  if (magic.some((byte, i) => start[i] !== byte)) {
    throw new VectorQuantizeError(`${where}: expected a .vq file, got another kind of file`);
  }
  if (start[7] !== version && start[7] !== versionWithPrior) {
    throw expected(`${where}: version`, `${version} or ${versionWithPrior}`, start[7]);
  }
  const length = new ByteReader(start.subarray(8), `${where}: header`).uint32();
  if (length > mostHeader)
    throw expected(`${where}: header`, `at most ${mostHeader} bytes`, length);
  return length;
}

/** What reading a header takes beside its bytes. */
export interface HeaderNeeds {
  /** The order of each layer's codes, for files that don't store them. */
  readonly orders?: readonly (Uint32Array | undefined)[];
  /** The prior, for files that were written with one. */
  readonly prior?: VqPrior;
  /** Is told of an order or a prior that is missing; else that is thrown. */
  readonly lacking?: (error: VectorQuantizeError) => void;
}

/**
 * Reads a header.
 *
 * @param start the file's first 16 bytes
 * @param body the header's own
 */
export function parseHeader(
  where: string,
  start: Uint8Array,
  body: Uint8Array,
  { orders = [], prior, lacking }: HeaderNeeds = {},
): VqFileHeader {
  const at = `${where}: header`;
  checkSum(at, new ByteReader(start.subarray(12), at).uint32(), body);
  const from = new ByteReader(body, at);
  const { layers, prior: named, ...rest } = parseJson(at, from.raw(from.varint()));
  const needed = start[7] === versionWithPrior ? priorName(at, named) : undefined;
  let whole = true;
  const miss = (error: VectorQuantizeError) => {
    if (!lacking) throw error;
    lacking(error);
    whole = false;
  };
  const read = layers.map((layer, q): CodeLayer => {
    const { size, levels, order } = layer;
    const name = `${at}: layer ${q}`;
    if (order === undefined) return { size, ...(levels && { levels }) };
    const given = orders[q];
    if (order.stored || given !== undefined) {
      return { size, order: takeOrder(name, from, size, order, given) };
    }
    const mend = "The file was written without: give the option orders, made from the model";
    miss(expected(`${name}: order`, "the order of its codes", given, mend));
    return { size };
  });
  if (from.left > 0) throw expected(at, `${from.left} bytes fewer`, body.length);
  checkCodeLayers(`${at}: layers`, read);
  if (needed !== undefined && prior?.name !== needed) miss(otherPrior(where, needed, prior?.name));
  else if (needed !== undefined && prior && whole) checkPrior(at, prior, read);
  return { ...rest, layers: read, ...(needed !== undefined && { prior: needed }) };
}

function otherPrior(where: string, needed: string, got: string | undefined): VectorQuantizeError {
  const mend = "Give the option prior, from the file of that name that lies with the model";
  return new VectorQuantizeError(
    `${where}: expected the prior ${needed} that the file was written with, got ${got ?? "none"}. ${mend}`,
  );
}

function priorName(where: string, name: unknown): string {
  if (typeof name === "string" && /^[0-9a-f]{16}$/.test(name)) return name;
  throw expected(`${where}: prior`, "16 hexadecimal digits", name);
}

type HeaderJson = Omit<VqHeader, "layers"> & {
  readonly layers: readonly LayerJson[];
  readonly prior?: unknown;
};

function parseJson(where: string, bytes: Uint8Array): HeaderJson {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new VectorQuantizeError(`${where}: expected JSON, got other text`);
  }
  const { layers, quantizer, model, metadata, prior } = (json ?? {}) as Record<string, unknown>;
  checkRest(where, { quantizer, model, metadata });
  if (!Array.isArray(layers) || !layers.every(isRecord)) {
    throw expected(`${where}: layers`, "a list of objects", layers);
  }
  for (const { order } of layers) {
    if (order !== undefined && !isRecord(order))
      throw expected(`${where}: order`, "an object", order);
  }
  // As plain records: what orders they have is looked for before the layers are checked as a whole.
  checkCodeLayers(
    `${where}: layers`,
    layers.map(({ order: _, ...layer }) => layer),
  );
  const known = { quantizer, model, metadata };
  const given = Object.entries(known).filter(([, value]) => value !== undefined);
  return { layers, prior, ...Object.fromEntries(given) } as HeaderJson;
}

function takeOrder(
  where: string,
  from: ByteReader,
  size: number,
  { crc32c: sum, stored }: NonNullable<LayerJson["order"]>,
  given: Uint32Array | undefined,
): Uint32Array {
  if (!stored && given) {
    checkCodeLayers(`${where}: orders`, [{ size, order: given }]);
    if (orderSum(given) !== sum) {
      throw new VectorQuantizeError(
        `${where}: expected the order that it was written with, got another`,
      );
    }
    return given;
  }
  const bytes = from.raw(packedBytes(size, size));
  const order = new Uint32Array(size);
  if (!unpackCodes(bytes, size, order) || crc32c(bytes) !== sum) {
    throw new VectorQuantizeError(`${where}: expected an order of ${size} codes, got other bytes`);
  }
  return order;
}
