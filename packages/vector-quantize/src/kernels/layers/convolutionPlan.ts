import { convolutionHeader, DOT, LANES, PRODUCT, partHeader } from "../engine/binaries/headers.ts";
import {
  type AxisPart,
  backwardParts,
  type ConvolutionAxis,
  type ConvolutionShape,
  forwardParts,
} from "./convolutionShape.ts";

/** Bytes of scratch memory that a band should fit in: half of a small second-level cache. */
const BAND_BYTES = 2 ** 17;
/** Bytes of a band that needs no copy: half of a first-level cache, for each panel meets it anew. */
const DIRECT_BYTES = 2 ** 14;
/** The same of one whose lanes are channels: all of its panels meet it anew. */
const LANES_BYTES = 2 ** 15;
/** Runs of fewer floats are gathered first. */
const SHORT_RUN = 16;

/** How the weights of one part are packed: see `packWeights` in the kernels. */
export interface PackedPart {
  /** i32: for each tap, how many entries are summed, then their byte offsets. */
  readonly taps: Int32Array<ArrayBuffer>;
  readonly tapCount: number;
  readonly tapsOfRun: number;
  readonly channels: number;
  readonly channelBytes: number;
  readonly outputs: number;
  readonly outputBytes: number;
  /** Lanes of a panel of up to 4 outputs. */
  readonly narrowest: number;
  /** Byte offsets. */
  readonly weights: number;
  readonly accumulators: number;
}

/** A convolution, or the way back of one, as products: what the kernels read, and the sizes. */
export interface ProductPlan {
  /** The header with its parts and tables, wherever it may lie. */
  readonly image: Int32Array<ArrayBuffer>;
  readonly parts: readonly PackedPart[];
  readonly bands: number;
  readonly scratchBytes: number;
  readonly weightBytes: number;
  readonly accumulatorBytes: number;
  /** Multiplications of an image, and those of the outer products, idle lanes included. */
  readonly products: number;
  readonly outerProducts: number;
}

/** Which way a convolution is read: from its input, or from its output's gradient. */
export type Direction = "forward" | "backward";

/** The products from the input to the output, or from the output's gradient to the input's. */
export function planProducts(shape: ConvolutionShape, direction: Direction): ProductPlan {
  const layout = layoutOf(shape, direction);
  const { bands, paddedBytes } = layout;
  const parts: PlannedPart[] = [];
  let [weights, accumulators] = [0, 0];
  for (let group = 0; group < (layout.lanes ? 1 : shape.groups); group++) {
    for (const h of layout.down) {
      for (const w of layout.across) {
        const part = planPart(layout, shape, { group, h, w, weights, accumulators });
        weights += part.weightBytes;
        accumulators += part.accumulatorBytes;
        parts.push(part);
      }
    }
  }
  const sum = (of: "products" | "outerProducts") =>
    parts.reduce((total, part) => total + part[of], 0);
  const patchBytes = Math.max(...parts.map((part) => part.patchBytes));
  return {
    image: imageOf({ ...layout.header, parts: parts.length }, parts),
    parts: parts.map(({ packed }) => packed),
    bands,
    // What is read past the end of the last row lies in it too.
    scratchBytes: paddedBytes + patchBytes + 128,
    weightBytes: weights,
    accumulatorBytes: accumulators,
    products: sum("products"),
    outerProducts: sum("outerProducts"),
  };
}

type Layout = ReturnType<typeof layoutOf>;

/** Where pixels lie, in the input or in a scratch image with a border, and how it is cut into bands. */
function layoutOf(shape: ConvolutionShape, direction: Direction) {
  const forward = direction === "forward";
  const parts = forward ? forwardParts : backwardParts;
  const [down, across] = [parts(shape.height), parts(shape.width)];
  const side = (axis: ConvolutionAxis) => (forward ? axis.input : axis.output);
  const otherSide = (axis: ConvolutionAxis) => (forward ? axis.output : axis.input);
  const channels = forward ? shape.inChannels : shape.outChannels;
  const outputs = forward ? shape.outChannels : shape.inChannels;
  const [rows, columns] = [side(shape.height), side(shape.width)];
  const outColumns = otherSide(shape.width);
  const [pixel, outPixel] = [4 * channels, 4 * outputs];

  const vertical = reach(down, rows);
  const horizontal = reach(across, columns);
  const padded = vertical.outside || horizontal.outside;
  const left = padded ? Math.max(0, -horizontal.first) : 0;
  const top = padded ? vertical.first : 0;
  const width = padded ? left + Math.max(columns, horizontal.last + 1) : columns;
  const rowBytes = width * pixel;
  const lanes = shape.groups > 1 && shape.groups === channels && shape.groups === outputs;
  const bandBytes = lanes ? LANES_BYTES : BAND_BYTES;
  const { inStep, step } = down[0] as AxisPart;
  const positionRows = Math.max(...down.map(({ count }) => count));
  const positionColumns = Math.max(...across.map(({ count }) => count));
  const tapRows = vertical.spread + 1;
  const most = padded
    ? Math.floor((bandBytes / rowBytes - tapRows) / inStep)
    : Math.ceil(Math.max(16, Math.floor(DIRECT_BYTES / pixel / 4) * 4) / positionColumns);
  const bandRows = Math.min(positionRows, Math.max(1, most));
  const bands = Math.ceil(positionRows / bandRows);
  const paddedRows = padded ? (bandRows - 1) * inStep + tapRows : 0;
  const paddedBytes = up(paddedRows * rowBytes, 128);
  return {
    ...{ forward, down, across, left, top, rowBytes, pixel, outPixel, outColumns },
    ...{ bands, bandRows, inStep, paddedBytes, lanes },
    groupChannels: channels / shape.groups,
    // Where lanes are channels, all of them are one group.
    groupOutputs: lanes ? outputs : outputs / shape.groups,
    header: {
      bands,
      inputBytes: rows * columns * pixel,
      inputBandBytes: bandRows * inStep * rowBytes,
      outputBytes: otherSide(shape.height) * outColumns * outPixel,
      outputBandBytes: bandRows * step * outColumns * outPixel,
      rows,
      rowBytes: columns * pixel,
      paddedRows,
      paddedRowBytes: rowBytes,
      inset: left * pixel,
      top,
      bandRows: bandRows * inStep,
      patches: paddedBytes,
    },
  };
}

/** A part as its kernels read it, and what it takes. */
interface PlannedPart {
  readonly header: Readonly<Record<string, number>>;
  /** Tables by the field that says where they lie. */
  readonly tables: Readonly<Record<string, Int32Array>>;
  readonly packed: PackedPart;
  readonly weightBytes: number;
  readonly accumulatorBytes: number;
  readonly patchBytes: number;
  readonly products: number;
  readonly outerProducts: number;
}

/** Which part it is, and where its weights and accumulators begin. */
interface PartPlace {
  readonly group: number;
  readonly h: AxisPart;
  readonly w: AxisPart;
  readonly weights: number;
  readonly accumulators: number;
}

function planPart(
  layout: Layout,
  shape: ConvolutionShape,
  { group, h, w, weights, accumulators }: PartPlace,
): PlannedPart {
  const { forward, left, top, rowBytes, pixel, outPixel, outColumns, bandRows } = layout;
  const { groupChannels, groupOutputs, lanes } = layout;
  const { weight } = shape;
  const taps = h.taps.flatMap((a) => w.taps.map((b) => ({ a, b })));
  const offsets = taps.map(
    ({ a, b }) => (a.at - top) * rowBytes + (b.at + left) * pixel + group * 4 * groupChannels,
  );
  const inRun = lanes ? 1 : sideBySide(offsets, 4 * groupChannels);
  const runLength = inRun * groupChannels;
  const runs = offsets.filter((_, i) => i % inRun === 0);
  const gathers = !lanes && runs.length > 1 && runLength < SHORT_RUN;
  const k = taps.length * groupChannels;
  const count = h.count * w.count;
  const bandPositions = Math.min(bandRows, h.count) * w.count;
  const positions = new Int32Array(2 * bandPositions);
  const patches = new Int32Array(gathers ? 2 * bandPositions : 0);
  for (let p = 0; p < bandPositions; p++) {
    const [i, j] = [Math.floor(p / w.count), p % w.count];
    const pixels = (h.start + h.step * i) * outColumns + w.start + w.step * j;
    const out = pixels * outPixel + group * 4 * groupOutputs;
    positions.set([i * layout.inStep * rowBytes + j * w.inStep * pixel, out], 2 * p);
    if (gathers) patches.set([4 * p * k, out], 2 * p);
  }
  const even = !gathers && runs.length === 1 && (h.count === 1 || w.count === 1);
  const [xStep, yStep] =
    w.count > 1
      ? [w.inStep * pixel, w.step * outPixel]
      : [layout.inStep * rowBytes, h.step * outColumns * outPixel];
  const panels = Math.ceil(groupOutputs / 8);
  const oneRun = gathers || lanes;
  const slots = oneRun ? up(k, 4) : runs.length * up(runLength, 4);
  const whole = (gathers ? k : runLength) % 4 === 0;
  const way = lanes ? LANES : groupOutputs === 1 && whole ? DOT : PRODUCT;
  return {
    header: {
      count,
      bandCount: bandRows * w.count,
      runs: gathers ? 1 : runs.length,
      runBytes: 4 * (gathers ? k : runLength),
      gathered: gathers ? runs.length : 0,
      gatheredBytes: gathers ? 4 * runLength : 0,
      rowBytes: even ? xStep : 0,
      outRowBytes: even ? yStep : 0,
      way,
      outputs: groupOutputs,
      weights,
      bias: group * 4 * groupOutputs,
      accumulators,
    },
    tables: {
      positions,
      rows: gathers ? patches : positions,
      offsets: Int32Array.from(gathers ? [0] : runs),
      ...(gathers && { sources: Int32Array.from(runs) }),
    },
    packed: {
      taps: tapTable(taps, shape, group, forward ? groupOutputs : groupChannels),
      tapCount: taps.length,
      tapsOfRun: oneRun ? taps.length : inRun,
      channels: groupChannels,
      channelBytes: 4 * (forward ? weight.input : weight.output),
      outputs: groupOutputs,
      outputBytes: 4 * (forward || lanes ? weight.output : weight.input),
      narrowest: way === DOT ? 1 : 4,
      weights,
      accumulators,
    },
    weightBytes: 32 * k * panels,
    accumulatorBytes: 32 * slots * panels,
    patchBytes: gathers ? 4 * bandPositions * k + 16 : 0,
    products: count * k * (way === DOT ? 1 : up(groupOutputs, 4)),
    outerProducts: count * slots * 8 * panels,
  };
}

const up = (n: number, step: number) => Math.ceil(n / step) * step;

/** From where to where an axis of `size` inputs is read, and whether that is outside of it. */
function reach(parts: readonly AxisPart[], size: number) {
  const at = parts.flatMap(({ taps }) => taps.map((tap) => tap.at));
  const first = Math.min(...at);
  const last = Math.max(
    ...parts.map(({ count, inStep, taps }) => (count - 1) * inStep + (taps.at(-1)?.at ?? 0)),
  );
  return { first, last, spread: Math.max(...at) - first, outside: first < 0 || last >= size };
}

/** How many taps lie side by side, all along `offsets`. */
function sideBySide(offsets: readonly number[], bytes: number): number {
  const breaks = offsets.flatMap((at, i) =>
    i > 0 && at === (offsets[i - 1] as number) + bytes ? [] : [i],
  );
  const length = (breaks[1] ?? offsets.length) - (breaks[0] as number);
  const even = breaks.every((at, i) => (breaks[i + 1] ?? offsets.length) - at === length);
  return even ? length : 1;
}

/** Where the entries of the kernel lie that each tap sums, in the weights of one group. */
function tapTable(
  taps: readonly { a: AxisPart["taps"][number]; b: AxisPart["taps"][number] }[],
  { width, weight }: ConvolutionShape,
  group: number,
  groupOutChannels: number,
): Int32Array<ArrayBuffer> {
  const first = group * groupOutChannels * weight.output;
  return Int32Array.from(
    taps.flatMap(({ a, b }) => {
      const offsets = a.kernel.flatMap((i) =>
        b.kernel.map((j) => 4 * ((i * width.kernel + j) * weight.tap + first)),
      );
      return [offsets.length, ...offsets];
    }),
  );
}

type Fields = Readonly<Record<string, { readonly at: number }>>;

/** The header, its parts and their tables, one after another; equal tables lie there once. */
function imageOf(
  head: Readonly<Record<string, number>>,
  parts: readonly PlannedPart[],
): Int32Array<ArrayBuffer> {
  const first = convolutionHeader.bytes;
  const starts = new Map<Int32Array, number>();
  let end = first + parts.length * partHeader.bytes;
  for (const table of parts.flatMap(({ tables }) => Object.values(tables))) {
    if (starts.has(table)) continue;
    starts.set(table, end);
    end += 4 * table.length;
  }
  const image = new Int32Array(end / 4);
  const write = (at: number, fields: Fields, values: Readonly<Record<string, number>>) => {
    for (const [name, value] of Object.entries(values)) {
      image[(at + (fields[name] as { at: number }).at) / 4] = value;
    }
  };
  write(0, convolutionHeader.fields, head);
  for (const [i, { header, tables }] of parts.entries()) {
    const self = first + i * partHeader.bytes;
    write(self, partHeader.fields, header);
    for (const [field, table] of Object.entries(tables)) {
      write(self, partHeader.fields, { [field]: (starts.get(table) as number) - self });
    }
  }
  for (const [table, start] of starts) image.set(table, start / 4);
  return image;
}
