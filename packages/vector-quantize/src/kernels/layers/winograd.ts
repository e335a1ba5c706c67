import { winogradHeader } from "../engine/binaries/headers.ts";
import type { ConvolutionShape } from "./convolutionShape.ts";

/** Bytes of scratch memory that a band's tiles should fit in. */
const BAND_BYTES = 2 ** 18;
/** Bytes between two matrices: a line of the cache. */
const LINE = 64;
/** Products of an image by F(2 x 2, 3 x 3), a tile: 16 in place of 36. */
const ENTRIES = 16;

/** A convolution by Winograd's way: what the kernels read, and the sizes. */
export interface WinogradPlan {
  readonly image: Int32Array<ArrayBuffer>;
  readonly bands: number;
  readonly scratchBytes: number;
  readonly weightBytes: number;
  readonly accumulatorBytes: number;
  readonly products: number;
  readonly outerProducts: number;
  /** i32 [9]: byte offsets of the kernel's entries in the weights. */
  readonly taps: Int32Array<ArrayBuffer>;
  readonly channels: number;
  readonly channelBytes: number;
  readonly outputs: number;
  readonly outputBytes: number;
}

/** The plan for one direction of `shape`; undefined where another way is better or the only one. */
export function planWinograd(
  shape: ConvolutionShape,
  direction: "forward" | "backward",
): WinogradPlan | undefined {
  const { height, width, groups, weight } = shape;
  const forward = direction === "forward";
  const fits = [height, width].every(
    ({ kernel, stride, dilation, upsample, padding }) =>
      kernel === 3 && stride === 1 && dilation === 1 && upsample === 1 && padding <= 2,
  );
  const channels = forward ? shape.inChannels : shape.outChannels;
  const outputs = forward ? shape.outChannels : shape.inChannels;
  const wide = [channels, outputs].every((count) => count >= 8 && count % 4 === 0);
  if (!fits || !wide || groups > 1 || height.padding !== width.padding) return undefined;
  const [rows, columns] = [height, width].map((axis) => (forward ? axis.input : axis.output));
  const [outRows, outColumns] = [height, width].map((axis) => (forward ? axis.output : axis.input));
  const padding = forward ? height.padding : 2 - height.padding;
  const down = Math.ceil((outRows as number) / 2);
  const across = Math.ceil((outColumns as number) / 2);
  // Tiles go four at a time.
  if (down * across < 4) return undefined;
  const panels = Math.ceil(outputs / 8);
  const tileBytes = 4 * ENTRIES * (channels + 8 * panels);
  const bandTiles = Math.min(down, Math.max(1, Math.floor(BAND_BYTES / tileBytes / across)));
  const bands = Math.ceil(down / bandTiles);
  const tiles = Math.ceil((bandTiles * across) / 4) * 4;
  const paddedBytes = 4 * (2 * bandTiles + 2) * (2 * across + 2) * channels;
  const inputs = Math.ceil(paddedBytes / 128) * 128;
  const matrices = (width: number) => ENTRIES * (4 * tiles * width + LINE);
  const products = inputs + matrices(channels);
  const scratchBytes = products + matrices(8 * panels) + 128;
  const fields: Record<string, number | undefined> = {
    bands,
    bandTiles,
    rows,
    columns,
    channels,
    padding,
    outRows,
    outColumns,
    outputs,
    inputs,
    products,
  };
  const image = new Int32Array(winogradHeader.bytes / 4);
  for (const [name, { at }] of Object.entries(winogradHeader.fields)) {
    image[at / 4] = fields[name] as number;
  }
  const places = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((tap) => 4 * weight.tap * tap);
  const multiplied = ENTRIES * down * across * channels * 8 * panels;
  return {
    image,
    bands,
    scratchBytes,
    weightBytes: 32 * ENTRIES * panels * channels,
    accumulatorBytes: 32 * ENTRIES * panels * channels,
    products: multiplied,
    outerProducts: multiplied,
    taps: Int32Array.from(forward ? places : places.reverse()),
    channels,
    channelBytes: 4 * (forward ? weight.input : weight.output),
    outputs,
    outputBytes: 4 * (forward ? weight.output : weight.input),
  };
}
