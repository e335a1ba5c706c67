import { expected } from "../errors.ts";
import { ByteReader, ByteWriter, checkSum, crc32c } from "./bytes.ts";

/** Where a group is, and how many pictures it has. */
export interface IndexedGroup {
  readonly length: number;
  readonly pictures: number;
}

const endMark = [0x56, 0x51, 0x65, 0x0a]; // "VQe\n"
/** Bytes behind the index. */
export const trailerBytes = 12;

/** What stands behind the last group: a zero, the index, the trailer. */
export function indexBytes(groups: readonly IndexedGroup[]): Uint8Array<ArrayBuffer> {
  const index = new ByteWriter().varint(groups.length);
  for (const { length, pictures } of groups) index.varint(length).varint(pictures);
  const bytes = index.done();
  const all = new ByteWriter().raw([0]).raw(bytes).uint32(bytes.length).uint32(crc32c(bytes));
  return all.raw(endMark).done();
}

/** What a file's last bytes say about its index. */
export function parseTrailer(where: string, trailer: Uint8Array): { length: number; sum: number } {
  const from = new ByteReader(trailer, where);
  const length = from.uint32();
  const sum = from.uint32();
  if (endMark.some((byte) => from.byte() !== byte)) {
    throw expected(`${where}: end`, "the mark of a whole file", "another end");
  }
  return { length, sum };
}

/** Reads an index. */
export function parseIndex(where: string, bytes: Uint8Array, sum: number): IndexedGroup[] {
  checkSum(`${where}: index`, sum, bytes);
  const from = new ByteReader(bytes, `${where}: index`);
  const count = from.varint();
  if (count * 2 > from.left) throw expected(`${where}: index`, `${count} groups`, from.left);
  const groups = Array.from({ length: count }, () => ({
    length: from.varint(),
    pictures: from.varint(),
  }));
  if (from.left > 0) throw expected(`${where}: index`, "no bytes behind it", from.left);
  return groups;
}
