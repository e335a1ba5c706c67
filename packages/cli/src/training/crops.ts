/** A picture of numbers, channels last. */
interface Pixels {
  readonly width: number;
  readonly channels: number;
  readonly pixels: Uint8Array | Float32Array;
}

/** A square of a picture. */
interface Square {
  readonly side: number;
  /** Row and column of its first pixel. */
  readonly corner: readonly [row: number, column: number];
  /** Whether it is turned left to right. */
  readonly flip: boolean;
}

/** Copies a square of a picture to place `at` among squares of its size. */
export function cutOut(
  squares: Uint8Array | Float32Array,
  at: number,
  { width, channels, pixels }: Pixels,
  { side, corner: [row, column], flip }: Square,
): void {
  const length = side * channels;
  for (let y = 0; y < side; y++) {
    const from = ((row + y) * width + column) * channels;
    const to = (at * side + y) * length;
    if (!flip) {
      squares.set(pixels.subarray(from, from + length), to);
      continue;
    }
    for (let x = 0; x < side; x++) {
      const source = from + (side - 1 - x) * channels;
      for (let c = 0; c < channels; c++) {
        squares[to + x * channels + c] = pixels[source + c] as number;
      }
    }
  }
}
