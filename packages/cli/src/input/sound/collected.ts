/** All samples that come piece by piece, in one array. */
export async function collected(
  pieces: AsyncIterable<Float32Array> | Iterable<Float32Array>,
  check: (length: number) => void = () => undefined,
): Promise<Float32Array<ArrayBuffer>> {
  const parts: Float32Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    parts.push(piece);
    length += piece.length;
    check(length);
  }
  const all = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Pieces that pass by, and how many samples they had. */
export function counted(pieces: AsyncIterable<Float32Array<ArrayBuffer>>) {
  const passed = {
    length: 0,
    async *pieces() {
      for await (const piece of pieces) {
        passed.length += piece.length;
        yield piece;
      }
    },
  };
  return passed;
}
