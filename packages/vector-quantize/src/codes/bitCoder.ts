/**
 * A binary arithmetic coder without carries: an interval of 32 bits is cut in the ratio of the chances
 * of a 1 and a 0, and leading bytes that both its ends share are written.
 */

/** Writes or reads one bit: an encoder is given it, a decoder finds it; both give it back. */
export interface BitCoder {
  /** @param chance of a 1, out of 65536: from 1 to 65535 */
  code(bit: number, chance: number): number;
}

// Numbers of 32 bits are kept as signed ones, in arrays: engines reckon with them without boxes.

/** The last number of the part of `[low, high]` that stands for a 1. */
function middle(low: number, high: number, chance: number): number {
  const range = high - low;
  return (low + Math.imul(range >>> 16, chance) + (Math.imul(range & 0xffff, chance) >>> 16)) | 0;
}

/** The fewest bytes that stand for a number from `low` to `high`, with zeros behind them. */
export function lastBytes(low: number, high: number): number[] {
  const [from, to] = [low >>> 0, high >>> 0];
  for (let kept = 0; from > 0; kept++) {
    // The number in the interval that ends in the most zero bits, by bytes.
    const unit = 2 ** (24 - 8 * kept);
    const value = Math.ceil(from / unit) * unit;
    if (value > to) continue;
    return Array.from({ length: kept + 1 }, (_, i) => (value >>> (24 - 8 * i)) & 255);
  }
  return [];
}

/** A copy without the zeros at its end. */
export function withoutZeros(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let { length } = bytes;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return bytes.slice(0, length) as Uint8Array<ArrayBuffer>;
}

/** Makes bytes of bits. */
export class BitEncoder implements BitCoder {
  /** The lowest and the highest number of the interval. */
  private readonly ends = Int32Array.of(0, -1);
  private bytes = new Uint8Array(4096);
  private length = 0;

  code(bit: number, chance: number): number {
    const { ends } = this;
    let low = ends[0]!;
    let high = ends[1]!;
    const cut = middle(low, high, chance);
    if (bit !== 0) high = cut;
    else low = (cut + 1) | 0;
    while (((low ^ high) & 0xff000000) === 0) {
      this.put(high >>> 24);
      low <<= 8;
      high = (high << 8) | 255;
    }
    ends[0] = low;
    ends[1] = high;
    return bit;
  }

  /** How many bytes there are by now. */
  get size(): number {
    return this.length;
  }

  /** All bytes. A decoder reads zeros behind them, so zeros at their end are left out. */
  finish(): Uint8Array<ArrayBuffer> {
    for (const byte of lastBytes(this.ends[0]!, this.ends[1]!)) this.put(byte);
    return withoutZeros(this.bytes.subarray(0, this.length));
  }

  private put(byte: number): void {
    if (this.length === this.bytes.length) {
      const larger = new Uint8Array(this.length * 2);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes[this.length++] = byte;
  }
}

/** Finds the bits that an encoder was given, if it is asked with the same chances. */
export class BitDecoder implements BitCoder {
  /** The lowest and the highest number of the interval, and the one that is read. */
  private readonly state = Int32Array.of(0, -1, 0);
  private at = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    for (let i = 0; i < 4; i++) this.state[2] = (this.state[2]! << 8) | this.next();
  }

  code(_: number, chance: number): number {
    const { state } = this;
    let low = state[0]!;
    let high = state[1]!;
    const cut = middle(low, high, chance);
    const bit = state[2]! >>> 0 <= cut >>> 0 ? 1 : 0;
    if (bit !== 0) high = cut;
    else low = (cut + 1) | 0;
    while (((low ^ high) & 0xff000000) === 0) {
      low <<= 8;
      high = (high << 8) | 255;
      state[2] = (state[2]! << 8) | this.next();
    }
    state[0] = low;
    state[1] = high;
    return bit;
  }

  /** Whether all bytes have been looked at: what lies behind them can't be of this stream. */
  get exhausted(): boolean {
    return this.at >= this.bytes.length;
  }

  private next(): number {
    const byte = this.at < this.bytes.length ? this.bytes[this.at]! : 0;
    this.at++;
    return byte;
  }
}
