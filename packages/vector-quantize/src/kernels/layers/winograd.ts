import { STRIP_ROWS, winogradHeader } from "../engine/binaries/headers.ts";
import type { Direction } from "./convolutionPlan.ts";
import type { ConvolutionAxis, ConvolutionShape } from "./convolutionShape.ts";

/** Bytes of scratch memory that a band's tiles should fit in. */
const BAND_BYTES = 2 ** 19;
/** Bytes between two matrices: a line of the cache. */
const LINE = 64;
/** Bytes of a tile that is half transformed, and of the numbers behind it. */
const TILE_BYTES = 1024;

/** A convolution by Winograd's way: what the kernels read, and the sizes. */
export interface WinogradPlan {
  /** Entries a side of a transformed tile. */
  readonly side: number;
  /** Whether it is the way back of a convolution of enlarged images. */
  readonly enlargedBack: boolean;
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
  direction: Direction,
): WinogradPlan | undefined {
  const { height, width, groups, weight } = shape;
  const { upsample } = height;
  const fits = [height, width].every(
    ({ kernel, stride, dilation, ...axis }) =>
      kernel === 3 &&
      stride === 1 &&
      dilation === 1 &&
      axis.upsample === upsample &&
      (upsample === 1
        ? axis.padding <= 2
        : upsample === 2 && axis.padding === 1 && axis.output === 2 * axis.input),
  );
  const wide = [shape.inChannels, shape.outChannels].every((c) => c >= 8 && c % 4 === 0);
  if (!fits || !wide || groups > 1) return undefined;
  const forward = direction === "forward";
  // The way back of an enlargement has the tiles of the way there: what it adds up is its output.
  const enlargedBack = upsample === 2 && !forward;
  const turned = !forward && !enlargedBack;
  const channels = turned ? shape.outChannels : shape.inChannels;
  const outputs = turned ? shape.inChannels : shape.outChannels;
  const inputOf = (axis: ConvolutionAxis) => (turned ? axis.output : axis.input);
  const outputOf = (axis: ConvolutionAxis) => (turned ? axis.input : axis.output);
  const zerosOf = ({ padding }: ConvolutionAxis) => (turned ? 2 - padding : padding);
  // Rows of a tile are rounded together, and NaN is in all of them: a causal row is not to see those below it.
  if (zerosOf(height) === 2 && outputOf(height) === inputOf(height)) return undefined;
  const [side, outputSide] = upsample === 2 ? [3, 2] : [6, 4];
  const down = Math.ceil(outputOf(height) / outputSide);
  const across = Math.ceil(outputOf(width) / outputSide);
  // Tiles go four at a time. By each side alone, so that pieces of an image go the same way.
  if (down < 2 || across < 2) return undefined;
  const entries = side * side;
  const panels = Math.ceil((enlargedBack ? channels : outputs) / 8);
  const [first, second] = enlargedBack
    ? [8 * panels, outputs]
    : [channels, Math.max(8 * panels, outputs)];
  const tileBytes = 4 * entries * (first + second);
  const most = Math.max(1, Math.floor(BAND_BYTES / tileBytes / across));
  if (enlargedBack && most < down) return undefined; // bands of it would add to one another's rows
  const bandTiles = Math.min(down, most);
  const bands = Math.ceil(down / bandTiles);
  const tiles = Math.ceil((bandTiles * across) / 4) * 4;
  const apart = side - 2;
  const paddedRows = side === 6 ? STRIP_ROWS : bandTiles + 2;
  const paddedBytes = 4 * paddedRows * (apart * across + 2) * channels;
  const inputs = Math.ceil(paddedBytes / 128) * 128;
  const matrices = (features: number) => entries * (4 * tiles * features + LINE);
  const products = inputs + matrices(first);
  const tile = Math.ceil((products + matrices(second)) / 16) * 16;
  const fields: Record<keyof typeof winogradHeader.fields, number> = {
    ...{ bands, bandTiles, side, channels, outputs, inputs, products, tile },
    rows: inputOf(height),
    columns: inputOf(width),
    above: zerosOf(height),
    left: zerosOf(width),
    outRows: outputOf(height),
    outColumns: outputOf(width),
  };
  const image = new Int32Array(winogradHeader.bytes / 4);
  for (const [name, { at }] of Object.entries(winogradHeader.fields)) {
    image[at / 4] = fields[name as keyof typeof fields];
  }
  const places = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((tap) => 4 * weight.tap * tap);
  const packedBytes = 32 * entries * panels * (enlargedBack ? outputs : channels);
  const multiplied = entries * down * across * (packedBytes / 4 / entries);
  return {
    ...{ image, bands, side, enlargedBack },
    scratchBytes: tile + TILE_BYTES,
    weightBytes: packedBytes,
    accumulatorBytes: packedBytes,
    products: multiplied,
    // What its weights' gradient takes is done the other way round.
    outerProducts: enlargedBack ? Number.POSITIVE_INFINITY : multiplied,
    taps: Int32Array.from(turned ? places.reverse() : places),
    ...(forward
      ? { channels, channelBytes: 4 * weight.input, outputs, outputBytes: 4 * weight.output }
      : {
          channels: shape.outChannels,
          channelBytes: 4 * weight.output,
          outputs: shape.inChannels,
          outputBytes: 4 * weight.input,
        }),
  };
}
