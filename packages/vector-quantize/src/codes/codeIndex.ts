/** Index files: codes to search in, with their ids and what they are read by; docs/vq-format.md describes them. */
import { checkInteger, expected, VectorQuantizeError } from "../errors.ts";
import type { Pool } from "../kernels/engine/pool.ts";
import type { ScanCoder } from "../kernels/scan/codeQuantizer.ts";
import { scanCoder } from "../kernels/scan/createCodeSearch.ts";
import { productCodes } from "../kernels/scan/productCodes.ts";
import { rabitq } from "../kernels/scan/rabitq.ts";

/** "VQI" and the version. */
export const MAGIC = Uint8Array.of(86, 81, 73, 1);
/** Magic, bytes of the header, its checksum. */
export const FRONT = 12;
/** Bytes of a section that have a checksum of their own. */
export const PIECE = 2 ** 20;

/** Most of what an index may have, so that lengths are whole numbers. */
const MOST = 2 ** 31 - 1;

/** The header of an index file, as JSON. */
export interface IndexHeader {
  /** Settings of the quantizer. */
  readonly quantizer: Readonly<Record<string, number | string | boolean>>;
  /** Codes, and inverted lists or 0. */
  readonly size: number;
  readonly cells: number;
  readonly vectors: boolean;
  /** The id that is given out next. */
  readonly nextId: number;
  /** Checksums of the pieces of each section. */
  readonly sums: Readonly<Record<string, readonly number[]>>;
}

/** A section: bytes of its numbers, and how many numbers there are. */
export interface Section {
  readonly name: string;
  readonly length: number;
  readonly bytes: number;
}

/** The sections of a file, in their order. */
export function sectionsOf(header: Omit<IndexHeader, "sums" | "nextId">): Section[] {
  const { quantizer, size, cells, vectors } = header;
  const dim = quantizer.dim as number;
  const floats = (name: string, length: number) => ({ name, length, bytes: 4 * length });
  return [
    ...(quantizer.type === "rabitq"
      ? [floats("center", dim)]
      : [floats("codebooks", (quantizer.codebookSize as number) * dim)]),
    ...(quantizer.rotation === true ? [floats("rotation", dim * dim)] : []),
    ...(cells > 0 ? [floats("centroids", cells * dim), floats("counts", cells)] : []),
    floats("ids", size),
    { name: "codes", length: size * codeBytes(quantizer), bytes: size * codeBytes(quantizer) },
    ...(vectors ? [floats("vectors", size * dim)] : []),
  ];
}

function codeBytes(quantizer: IndexHeader["quantizer"]): number {
  const { type, dim, bits, parts, codebookSize } = quantizer as Record<string, number> & {
    type: string;
  };
  if (type === "rabitq") return 2 * Math.ceil(dim! / 16) * bits! + (bits === 1 ? 8 : 16);
  return codebookSize! <= 16 ? Math.ceil(parts! / 2) : parts!;
}

/** The settings of a quantizer, as a header has them. */
export function settingsOf({ saved }: ScanCoder): IndexHeader["quantizer"] {
  const { settings, arrays } = saved;
  if (settings.type === "rabitq") return settings;
  const codebookSize = arrays.codebooks!.length / (settings.dim as number);
  return { ...settings, codebookSize, rotation: arrays.rotation !== undefined };
}

/** The quantizer of a header, with the arrays of its sections. */
export function quantizerOf(
  quantizer: IndexHeader["quantizer"],
  arrays: Readonly<Record<string, Float32Array>>,
  pool: Pool | undefined,
): ScanCoder {
  const { codebookSize: _, rotation: __, type, ...own } = quantizer;
  const options = { ...own, ...arrays, ...(pool && { pool }) } as never;
  const made = type === "rabitq" ? rabitq(options) : productCodes(options);
  return scanCoder("index file", made);
}

/** Reads a header; throws unless all numbers in it are such as lengths can be counted by. */
export function parseIndexHeader(text: string): IndexHeader {
  const header = parsed(text);
  const { quantizer, size, cells, vectors, nextId, sums } = header;
  if (!isRecord(quantizer)) throw expected("index file: quantizer", "an object", quantizer);
  checkSettings(quantizer);
  checkInteger("index file: size", size, 0, MOST);
  checkInteger("index file: cells", cells, 0, MOST);
  checkInteger("index file: nextId", nextId, 0, MOST);
  if (typeof vectors !== "boolean") throw expected("index file: vectors", "true or false", vectors);
  if (!isRecord(sums)) throw expected("index file: sums", "an object", sums);
  return header as unknown as IndexHeader;
}

function parsed(text: string): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw new VectorQuantizeError("index file: expected a header in JSON, got other text");
  }
  if (!isRecord(header)) throw expected("index file: header", "an object", header);
  return header;
}

function checkSettings({
  type,
  dim,
  bits,
  parts,
  codebookSize,
  rotation,
}: Record<string, unknown>) {
  checkInteger("index file: dim", dim, 1, 65536);
  if (type === "rabitq") {
    checkInteger("index file: bits", bits, 1, 8);
    return;
  }
  if (type !== "product") throw expected("index file: type", '"rabitq" or "product"', type);
  checkInteger("index file: parts", parts, 1, dim);
  checkInteger("index file: codebookSize", codebookSize, 1, 256);
  if (typeof rotation !== "boolean")
    throw expected("index file: rotation", "true or false", rotation);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
