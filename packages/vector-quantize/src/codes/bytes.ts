/** Bytes of the format: numbers of any length, a sum over bytes. */
import { VectorQuantizeError } from "../errors.ts";

/** CRC32C (Castagnoli), of RFC 3720: it finds every error of up to 3 bits, and every burst of up to 32. */
export function crc32c(...parts: readonly Uint8Array[]): number {
  let crc = 0xffffffff;
  for (const bytes of parts) {
    for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ remainders[(crc ^ bytes[i]!) & 255]!;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

const remainders = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

/** Throws unless bytes have their sum. */
export function checkSum(where: string, checksum: number, bytes: Uint8Array): void {
  const sum = crc32c(bytes);
  if (sum === checksum) return;
  const [was, is] = [checksum, sum].map((value) => value.toString(16).padStart(8, "0"));
  throw new VectorQuantizeError(`${where}: expected checksum ${was}, got ${is}: it is damaged`);
}

/** Puts bytes together. */
export class ByteWriter {
  private readonly all: number[] = [];

  get length(): number {
    return this.all.length;
  }

  /** A whole number from 0 to 2^53 - 1: seven bits a byte, the lowest first, 128 added where more follow. */
  varint(value: number): this {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.all.push((rest % 128) + 128);
    this.all.push(rest);
    return this;
  }

  /** Four bytes, the lowest first. */
  uint32(value: number): this {
    for (let i = 0; i < 4; i++) this.all.push((value >>> (8 * i)) & 255);
    return this;
  }

  raw(bytes: ArrayLike<number>): this {
    for (let i = 0; i < bytes.length; i++) this.all.push(bytes[i]!);
    return this;
  }

  done(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.all);
  }
}

/** Takes bytes apart; reading past their end is an error that names `where`. */
export class ByteReader {
  at = 0;
  private readonly bytes: Uint8Array;
  private readonly where: string;

  constructor(bytes: Uint8Array, where: string) {
    this.bytes = bytes;
    this.where = where;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  byte(): number {
    return this.raw(1)[0]!;
  }

  varint(): number {
    let value = 0;
    let unit = 1;
    for (let i = 0; i < 8; i++, unit *= 128) {
      const byte = this.byte();
      value += (byte & 127) * unit;
      if (byte < 128 && value <= Number.MAX_SAFE_INTEGER) return value;
    }
    throw new VectorQuantizeError(`${this.where}: expected a number below 2^53, got a longer one`);
  }

  uint32(): number {
    const [a, b, c, d] = this.raw(4) as unknown as [number, number, number, number];
    return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
  }

  raw(length: number): Uint8Array {
    if (length > this.left) {
      const got = `${this.left} bytes at ${this.at}`;
      throw new VectorQuantizeError(`${this.where}: expected ${length} more bytes, got ${got}`);
    }
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}
