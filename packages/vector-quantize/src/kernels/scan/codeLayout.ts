/** How codes lie in memory: rows of bytes outside, blocks of 32 inside, as the scans read them. */

/** Codes of a block. */
export const LANES = 32;

/** Codes as rows, and as blocks. */
export interface CodeLayout {
  /** A nibble a part, or a byte. */
  readonly kind: "nibbles" | "bytes";
  /** Parts, in fours. */
  readonly fours: number;
  /** Bytes of a code in a row. */
  readonly rowBytes: number;
  /** Bytes of a block; where its float factors lie, 0 for none, and where the further bits of its codes do. */
  readonly blockBytes: number;
  readonly factors: number;
  readonly planes: number;
  /** Further bits of each number. */
  readonly moreBits: number;
  /** By place in a block: the part that lies there, -1 for none. */
  readonly order: Int32Array;
  /** Codes of a part. */
  readonly codebookSize: number;
}

/** The layout of RaBitQ codes of `padded` numbers, a multiple of 16. */
export function signLayout(padded: number, bits: number): CodeLayout {
  const planeBytes = padded / 8;
  const floats = bits === 1 ? 2 : 4;
  const factors = LANES * planeBytes;
  const planes = factors + 4 * LANES * floats;
  return {
    kind: "nibbles",
    fours: padded / 16,
    rowBytes: planeBytes * bits + 4 * floats,
    blockBytes: planes + LANES * planeBytes * (bits - 1),
    factors,
    planes,
    moreBits: bits - 1,
    order: Int32Array.from({ length: padded / 4 }, (_, part) => part),
    codebookSize: 16,
  };
}

/** The layout of codes of `order.length` parts, of which some may be none. */
export function partLayout(parts: number, codebookSize: number, order: Int32Array): CodeLayout {
  const nibbles = codebookSize <= 16;
  return {
    kind: nibbles ? "nibbles" : "bytes",
    fours: order.length / 4,
    rowBytes: nibbles ? Math.ceil(parts / 2) : parts,
    blockBytes: LANES * (nibbles ? order.length / 2 : order.length),
    factors: 0,
    planes: 0,
    moreBits: 0,
    order,
    codebookSize,
  };
}

/** Writes a code into lane `lane` of a block. */
export function putCode(
  layout: CodeLayout,
  code: Uint8Array,
  block: Uint8Array,
  lane: number,
): void {
  const { kind, order, factors, planes, moreBits } = layout;
  if (kind === "bytes") {
    block.set(code, lane * order.length);
    return;
  }
  for (let place = 0; place < order.length; place += 2) {
    const low = nibbleOf(code, order[place]!);
    block[(place / 2) * LANES + lane] = low | (nibbleOf(code, order[place + 1]!) << 4);
  }
  if (factors === 0) return;
  const planeBytes = order.length / 2;
  const more = moreBits * planeBytes;
  block.set(code.subarray(planeBytes, planeBytes + more), planes + lane * more);
  for (let at = planeBytes + more, to = factors + 4 * lane; at < code.length; at += 4) {
    block.set(code.subarray(at, at + 4), to);
    to += 4 * LANES;
  }
}

/** Reads the code in lane `lane` of a block: what `putCode` was given. */
export function takeCode(
  layout: CodeLayout,
  block: Uint8Array,
  lane: number,
  code: Uint8Array,
): void {
  const { kind, order, factors, planes, moreBits } = layout;
  if (kind === "bytes") {
    code.set(block.subarray(lane * order.length, lane * order.length + code.length));
    return;
  }
  code.fill(0);
  for (let place = 0; place < order.length; place++) {
    const part = order[place]!;
    if (part < 0) continue;
    const byte = block[(place >> 1) * LANES + lane]!;
    code[part >> 1]! |= ((place & 1 ? byte >> 4 : byte) & 15) << (4 * (part & 1));
  }
  if (factors === 0) return;
  const planeBytes = order.length / 2;
  const more = moreBits * planeBytes;
  code.set(block.subarray(planes + lane * more, planes + (lane + 1) * more), planeBytes);
  for (let to = planeBytes + more, at = factors + 4 * lane; to < code.length; to += 4) {
    code.set(block.subarray(at, at + 4), to);
    at += 4 * LANES;
  }
}

/** A part's nibble in a row; 0 for no part. */
export function nibbleOf(code: Uint8Array, part: number): number {
  if (part < 0) return 0;
  return (part & 1 ? code[part >> 1]! >> 4 : code[part >> 1]!) & 15;
}
