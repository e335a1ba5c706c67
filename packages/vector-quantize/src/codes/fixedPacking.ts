/**
 * Codes in as many bits as they need, without statistics: several codes make one number by mixed radix,
 * so that 1,000 codes cost no 10 bits but 9.97 and three of 5 cost 7 bits and not 9.
 */

/** A block's numbers are below this: whole numbers are exact up to twice as many. */
const mostBlock = 2 ** 52;

/** How the codes of one radix are put together. */
interface Block {
  /** Codes in a block. */
  readonly codes: number;
  /** Bits of a block. */
  readonly bits: number;
}

/** Bits of the numbers below `count`: `ceil(log2(count))`, exact to 2^53. */
export function bitsBelow(count: number): number {
  let bits = 0;
  for (let reach = 1; reach < count; reach *= 2) bits++;
  return bits;
}

/** `base ** exponent` by products: exact to 2^53 on every engine. */
function power(base: number, exponent: number): number {
  let product = 1;
  for (let i = 0; i < exponent; i++) product *= base;
  return product;
}

/** The block with the fewest bits a code; of equal ones the shortest. Up to 52 bits. */
function bestBlock(radix: number): Block {
  let best = { codes: 1, bits: bitsBelow(radix) };
  let product = radix;
  for (let codes = 2; radix > 1 && product * radix <= mostBlock; codes++) {
    product *= radix;
    const bits = bitsBelow(product);
    if (bits * best.codes < best.bits * codes) best = { codes, bits };
  }
  return best;
}

/** Bytes of `count` packed codes below `radix`. */
export function packedBytes(count: number, radix: number): number {
  const { codes, bits } = bestBlock(radix);
  const rest = bitsBelow(power(radix, count % codes));
  return Math.ceil((Math.floor(count / codes) * bits + rest) / 8);
}

/**
 * Packs codes: in a block the first code is the lowest digit; bits go from the lowest on; the last block
 * may hold fewer codes, in fewer bits.
 *
 * @param codes from 0 to `radix - 1`
 * @param radix up to 2^32
 */
export function packCodes(codes: Int32Array | Uint32Array, radix: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(packedBytes(codes.length, radix));
  const block = bestBlock(radix);
  let byte = 0;
  let filled = 0; // bits of it
  let at = 0;
  for (let first = 0; first < codes.length; first += block.codes) {
    const last = Math.min(first + block.codes, codes.length);
    let value = 0;
    for (let i = last - 1; i >= first; i--) value = value * radix + (codes[i]! >>> 0);
    let bits = bitsOf(block, radix, last - first);
    while (bits > 0) {
      const taken = Math.min(8 - filled, bits);
      byte |= (value % (1 << taken)) << filled;
      value = Math.floor(value / (1 << taken));
      bits -= taken;
      filled += taken;
      if (filled === 8) {
        out[at++] = byte;
        byte = 0;
        filled = 0;
      }
    }
  }
  if (filled > 0) out[at] = byte;
  return out;
}

/**
 * Unpacks what `packCodes` has packed.
 *
 * @param bytes as many as `packedBytes` says
 * @returns whether they are such bytes: every block below its bound, zeros behind the last one
 */
export function unpackCodes(
  bytes: Uint8Array,
  radix: number,
  into: Int32Array | Uint32Array,
): boolean {
  const block = bestBlock(radix);
  let used = 0; // bits of the byte at hand
  let at = 0;
  for (let first = 0; first < into.length; first += block.codes) {
    const last = Math.min(first + block.codes, into.length);
    const bits = bitsOf(block, radix, last - first);
    let value = 0;
    let unit = 1;
    for (let read = 0; read < bits; ) {
      const taken = Math.min(8 - used, bits - read);
      value += ((bytes[at]! >> used) & ((1 << taken) - 1)) * unit;
      unit *= 1 << taken;
      read += taken;
      used += taken;
      if (used === 8) {
        at++;
        used = 0;
      }
    }
    for (let i = first; i < last; i++) {
      into[i] = value % radix;
      value = Math.floor(value / radix);
    }
    if (value > 0) return false;
  }
  return used === 0 || bytes[at]! >> used === 0;
}

/** Bits of a block of so many codes. */
function bitsOf(block: Block, radix: number, codes: number): number {
  return codes === block.codes ? block.bits : bitsBelow(power(radix, codes));
}
