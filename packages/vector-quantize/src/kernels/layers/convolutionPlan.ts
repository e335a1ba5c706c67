import { convolutionHeader, partHeader } from "../engine/binaries/headers.ts";
import {
  type AxisPart,
  backwardParts,
  type ConvolutionShape,
  forwardParts,
} from "./convolutionShape.ts";

/** Bytes of scratch memory that a band should fit in: half of a small second-level cache. */
const BAND_BYTES = 2 ** 17;
/** Bytes of a band that needs no copy: half of a first-level cache, for each panel meets it anew. */
const DIRECT_BYTES = 2 ** 14;
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

/** The products from the input to the output, or from the output's gradient to the input's. */
export function planProducts(
  shape: ConvolutionShape,
  direction: "forward" | "backward",
): ProductPlan {
  const forward = direction === "forward";
  const { groups, weight } = shape;
  const parts = forward ? forwardParts : backwardParts;
  const [down, across] = [parts(shape.height), parts(shape.width)];
  const side = (axis: ConvolutionShape["height"]) => (forward ? axis.input : axis.output);
  const otherSide = (axis: ConvolutionShape["height"]) => (forward ? axis.output : axis.input);
  const channels = forward ? shape.inChannels : shape.outChannels;
  const outputs = forward ? shape.outChannels : shape.inChannels;
  const [rows, columns] = [side(shape.height), side(shape.width)];
  const outColumns = otherSide(shape.width);
  const pixel = 4 * channels;
  const outPixel = 4 * outputs;

  const vertical = reach(down, rows);
  const horizontal = reach(across, columns);
  const padded = vertical.outside || horizontal.outside;
  const left = padded ? Math.max(0, -horizontal.first) : 0;
  const top = padded ? vertical.first : 0;
  const width = padded ? left + Math.max(columns, horizontal.last + 1) : columns;
  const rowBytes = width * pixel;
  const { inStep, step } = down[0] as AxisPart;
  const positionRows = Math.max(...down.map(({ count }) => count));
  const positionColumns = Math.max(...across.map(({ count }) => count));
  const tapRows = vertical.spread + 1;
  const most = padded
    ? Math.floor((BAND_BYTES / rowBytes - tapRows) / inStep)
    : Math.ceil(Math.max(16, Math.floor(DIRECT_BYTES / pixel / 4) * 4) / positionColumns);
  const bandRows = Math.min(positionRows, Math.max(1, most));
  const bands = Math.ceil(positionRows / bandRows);
  const paddedRows = padded ? (bandRows - 1) * inStep + tapRows : 0;
  const paddedBytes = Math.ceil((paddedRows * rowBytes) / 128) * 128;

  const [groupChannels, groupOutputs] = [channels / groups, outputs / groups];
  const headers: Record<string, number>[] = [];
  const tables: { header: number; field: string; values: Int32Array }[] = [];
  const packed: PackedPart[] = [];
  let [weights, accumulators, products, outerProducts, patchBytes] = [0, 0, 0, 0, 0];
  for (let group = 0; group < groups; group++) {
    for (const h of down) {
      for (const w of across) {
        const taps = h.taps.flatMap((a) => w.taps.map((b) => ({ a, b })));
        const offsets = taps.map(
          ({ a, b }) => (a.at - top) * rowBytes + (b.at + left) * pixel + group * 4 * groupChannels,
        );
        const inRun = sideBySide(offsets, 4 * groupChannels);
        const runLength = inRun * groupChannels;
        const runs = offsets.filter((_, i) => i % inRun === 0);
        const gathers = runs.length > 1 && runLength < SHORT_RUN;
        const k = taps.length * groupChannels;
        const bandPositions = Math.min(bandRows, h.count) * w.count;
        const [positions, patches] = [0, 1].map(() => new Int32Array(2 * bandPositions)) as [
          Int32Array,
          Int32Array,
        ];
        for (let p = 0; p < bandPositions; p++) {
          const [i, j] = [Math.floor(p / w.count), p % w.count];
          const out =
            ((h.start + h.step * i) * outColumns + w.start + w.step * j) * outPixel +
            group * 4 * groupOutputs;
          positions.set([i * inStep * rowBytes + j * w.inStep * pixel, out], 2 * p);
          patches.set([4 * p * k, out], 2 * p);
        }
        const header = headers.length;
        const table = (field: string, values: Int32Array) => tables.push({ header, field, values });
        table("positions", positions);
        table("rows", gathers ? patches : positions);
        table("offsets", Int32Array.from(gathers ? [0] : runs));
        if (gathers) table("sources", Int32Array.from(runs));
        headers.push({
          count: h.count * w.count,
          bandCount: bandRows * w.count,
          runs: gathers ? 1 : runs.length,
          runBytes: 4 * (gathers ? k : runLength),
          gathered: gathers ? runs.length : 0,
          gatheredBytes: gathers ? 4 * runLength : 0,
          outputs: groupOutputs,
          weights,
          bias: group * 4 * groupOutputs,
          accumulators,
        });
        packed.push({
          taps: tapTable(taps, shape, group, forward ? groupOutputs : groupChannels),
          tapCount: taps.length,
          tapsOfRun: gathers ? taps.length : inRun,
          channels: groupChannels,
          channelBytes: 4 * (forward ? weight.input : weight.output),
          outputs: groupOutputs,
          outputBytes: 4 * (forward ? weight.output : weight.input),
          weights,
          accumulators,
        });
        const panels = Math.ceil(groupOutputs / 8);
        const slots = (gathers ? 1 : runs.length) * up(gathers ? k : runLength, 4);
        weights += 32 * k * panels;
        accumulators += 32 * slots * panels;
        products += h.count * w.count * k * up(groupOutputs, 4);
        outerProducts += h.count * w.count * slots * 8 * panels;
        if (gathers) patchBytes = Math.max(patchBytes, 4 * bandPositions * k + 16);
      }
    }
  }
  const head = {
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
    parts: headers.length,
  };
  return {
    image: imageOf(head, headers, tables),
    parts: packed,
    bands,
    // What is read past the end of the last row lies in it too.
    scratchBytes: paddedBytes + patchBytes + 128,
    weightBytes: weights,
    accumulatorBytes: accumulators,
    products,
    outerProducts,
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

/** The header, its parts and their tables, one after another. */
function imageOf(
  head: Record<string, number>,
  parts: readonly Record<string, number>[],
  tables: readonly { header: number; field: string; values: Int32Array }[],
): Int32Array<ArrayBuffer> {
  const first = convolutionHeader.bytes;
  const starts: number[] = [];
  const known = new Map<Int32Array, number>();
  let end = first + parts.length * partHeader.bytes;
  for (const { values } of tables) {
    const start = known.get(values) ?? end;
    starts.push(start);
    if (start !== end) continue;
    known.set(values, start);
    end += 4 * values.length;
  }
  const image = new Int32Array(end / 4);
  const write = (at: number, fields: Fields, values: Record<string, number>) => {
    for (const [name, value] of Object.entries(values)) {
      image[(at + (fields[name] as { at: number }).at) / 4] = value;
    }
  };
  write(0, convolutionHeader.fields, head);
  parts.forEach((part, i) => {
    write(first + i * partHeader.bytes, partHeader.fields, part);
  });
  tables.forEach(({ header, field, values }, i) => {
    const self = first + header * partHeader.bytes;
    const start = starts[i] as number;
    write(self, partHeader.fields, { [field]: start - self });
    image.set(values, start / 4);
  });
  return image;
}
