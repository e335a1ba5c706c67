/** The arithmetic coder, writing or reading. */

let low: u32 = 0;
let high: u32 = 0;
let value: u32 = 0;
let at: usize = 0;
let end: usize = 0;
let decoding: bool = false;

export function openCoder(input: usize, inputEnd: usize, decodes: bool): void {
  low = 0;
  high = 0xffffffff;
  value = 0;
  at = input;
  end = inputEnd;
  decoding = decodes;
  if (decodes) for (let i = 0; i < 4; i++) value = (value << 8) | next();
}

/** Where an encoder writes from now on. */
export function writeTo(output: usize): void {
  at = output;
}

/** Behind what was written or read. */
export function reached(): usize {
  return at;
}

export function lowest(): u32 {
  return low;
}

export function highest(): u32 {
  return high;
}

// @ts-ignore: decorator
@inline
function next(): u32 {
  const byte: u32 = at < end ? load<u8>(at) : 0;
  at++;
  return byte;
}

/** Writes a bit, or finds one; `chance` of a 1 out of 65536. */
// @ts-ignore: decorator
@inline
export function codeBit(bit: u32, chance: u32): u32 {
  const range = high - low;
  const cut = low + (range >> 16) * chance + (((range & 0xffff) * chance) >> 16);
  if (decoding) bit = value <= cut ? 1 : 0;
  if (bit) high = cut;
  else low = cut + 1;
  while (((low ^ high) & 0xff000000) == 0) {
    if (decoding) value = (value << 8) | next();
    else {
      store<u8>(at, high >> 24);
      at++;
    }
    low <<= 8;
    high = (high << 8) | 255;
  }
  return bit;
}
