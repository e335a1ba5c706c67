/**
 * A binary arithmetic coder without carries: an interval of 32 bits is cut in the ratio of the chances
 * of a 1 and a 0, and leading bytes that both its ends share are written.
 */

/** Writes or reads one bit: an encoder is given it, a decoder finds it; both give it back. */
export interface BitCoder {
  /** @param chance of a 1, out of 65536: from 1 to 65535 */
  code(bit: number, chance: number): number;
}

/** The last number of the part of `[low, high]` that stands for a 1. */
function middle(low: number, high: number, chance: number): number {
  const range = (high - low) >>> 0;
  return (low + (range >>> 16) * chance + (((range & 0xffff) * chance) >>> 16)) >>> 0;
}

/** Makes bytes of bits. */
export class BitEncoder implements BitCoder {
  private low = 0;
  private high = 0xffffffff;
  private bytes = new Uint8Array(256);
  private length = 0;

  code(bit: number, chance: number): number {
    const cut = middle(this.low, this.high, chance);
    if (bit !== 0) this.high = cut;
    else this.low = cut + 1;
    while (((this.low ^ this.high) & 0xff000000) === 0) {
      this.put(this.high >>> 24);
      this.low = (this.low << 8) >>> 0;
      this.high = ((this.high << 8) | 255) >>> 0;
    }
    return bit;
  }

  /** How many bytes there are by now. */
  get size(): number {
    return this.length;
  }

  /** All bytes. A decoder reads zeros behind them, so zeros at their end are left out. */
  finish(): Uint8Array<ArrayBuffer> {
    for (let kept = 0; this.low > 0; kept++) {
      // The number in the interval that ends in the most zero bits, by bytes.
      const unit = 2 ** (24 - 8 * kept);
      const value = Math.ceil(this.low / unit) * unit;
      if (value > this.high) continue;
      for (let i = 0; i <= kept; i++) this.put((value >>> (24 - 8 * i)) & 255);
      break;
    }
    while (this.length > 0 && this.bytes[this.length - 1] === 0) this.length--;
    return this.bytes.slice(0, this.length);
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
  private low = 0;
  private high = 0xffffffff;
  private value = 0;
  private at = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    for (let i = 0; i < 4; i++) this.shift();
  }

  code(_: number, chance: number): number {
    const cut = middle(this.low, this.high, chance);
    const bit = this.value <= cut ? 1 : 0;
    if (bit !== 0) this.high = cut;
    else this.low = cut + 1;
    while (((this.low ^ this.high) & 0xff000000) === 0) {
      this.low = (this.low << 8) >>> 0;
      this.high = ((this.high << 8) | 255) >>> 0;
      this.shift();
    }
    return bit;
  }

  /** Whether all bytes have been looked at: what lies behind them can't be of this stream. */
  get exhausted(): boolean {
    return this.at >= this.bytes.length;
  }

  private shift(): void {
    const byte = this.at < this.bytes.length ? this.bytes[this.at]! : 0;
    this.value = ((this.value << 8) | byte) >>> 0;
    this.at++;
  }
}
