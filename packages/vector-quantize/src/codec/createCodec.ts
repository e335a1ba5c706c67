import { numpy as np, tree } from "@jax-js/jax";
import { writeCheckpoint } from "../checkpoint/checkpoint.ts";
import { checkInteger, checkKnownOptions, expected, VectorQuantizeError } from "../errors.ts";
import { checkInput, positionShape } from "../layout/layout.ts";
import { checkIndexValues } from "../quantizers/checkIndices.ts";
import { checkQuantizer } from "../quantizers/checkQuantizer.ts";
import type { Quantizer, Variables } from "../quantizers/contract.ts";
import { checkIndexShape } from "../quantizers/guard/arguments.ts";
import type { Calls } from "../quantizers/guard/calls.ts";
import {
  checkVariablesOf,
  layoutsOf,
  optionsTakenBy,
  positionsOfIndices,
} from "../quantizers/guard.ts";
import { hasCodes } from "../quantizers/hasCodes.ts";
import { type ArrayTree, eachArray, isRecord, owns, release } from "../tree.ts";
import { indexPieces } from "./indexPieces.ts";
import { piecesOf, singleVectors, type VectorPieces, wholeInputs } from "./vectorPieces.ts";

/** Options of a codec's `encode`. */
export interface CodecShape {
  /** Shape of what the call is given. */
  readonly shape: readonly number[];
}

/** Options of a codec's `decode`. */
export interface CodecDecodeOptions extends CodecShape {
  /** `[height, width]` of the images that `hierarchicalVQ` puts out. Default: its last scale. */
  readonly size?: readonly [number, number];
}

/** A quantizer with its variables, for inference on typed arrays. */
export interface QuantizerCodec {
  /** Feature size of the input. */
  readonly dim: number;
  /** One entry per index that a vector gets. */
  readonly codebookSizes: readonly number[];

  /**
   * Indices of vectors, by the quantizer's `encode`.
   *
   * @param x the vectors; they must stay as they are until the call is over
   * @param options `shape`, as the quantizer's layout has it: `[B, ..., D]`, or `[B, D, ...]`
   * @returns the indices, with their shape as the property `shape`; -1 for a vector with NaN or infinity
   * @throws VectorQuantizeError for numbers of another kind, a shape that is not theirs, and once the
   *   codec is disposed of
   */
  encode(x: Float32Array, options: CodecShape): Promise<Int32Array<ArrayBuffer> & CodecShape>;

  /**
   * What the quantizer puts out for indices, by its `decode`.
   *
   * @param indices as `encode` gives them; -1 comes out as NaN, or adds nothing where it stands for a
   *   layer
   * @returns the vectors, with their shape as the property `shape`
   * @throws VectorQuantizeError for an index that no code has, a shape that is not that of indices, and
   *   once the codec is disposed of
   */
  decode(
    indices: Int32Array,
    options: CodecDecodeOptions,
  ): Promise<Float32Array<ArrayBuffer> & CodecShape>;

  /** What `codecFromBytes` makes the codec of again, in a worker or another process. */
  toBytes(): Promise<Uint8Array<ArrayBuffer>>;

  /** Gives the variables back; calls that are under way end well. */
  dispose(): void;
}

/**
 * A quantizer for inference alone: typed arrays in and out, and nothing to count references of.
 *
 * ```ts
 * const quantizer = residualVQ({ dim: 64, codebookSize: 256, numQuantizers: 4 });
 * const codec = createCodec(quantizer, quantizer.init(random.key(0)));
 * const codes = await codec.encode(new Float32Array(100 * 64), { shape: [1, 100, 64] });
 * const decoded = await codec.decode(codes, { shape: codes.shape }); // [1, 100, 64]
 * ```
 *
 * It does what the quantizer's `encode` and `decode` do, on the kernels where they run on these. Large
 * inputs go through in pieces, and calls may overlap.
 *
 * @param variables ownership is taken
 * @throws VectorQuantizeError for what is no quantizer of this library, one without codes, or variables
 *   of another
 */
export function createCodec<Params extends ArrayTree, State extends ArrayTree>(
  quantizer: Quantizer<Params, State>,
  variables: Variables<Params, State>,
): QuantizerCodec {
  const { layout, indices: indexShape } = checkGiven(quantizer, variables);
  const { config, dim, codebookSizes, outputs = dim } = quantizer;
  const widest = Math.max(dim, outputs, widestOf(variables));
  let open = true;
  const held = (where: string): typeof variables => {
    if (open) return tree.ref(variables as never);
    throw new VectorQuantizeError(`${where}: expected a codec in use, got one that is disposed of`);
  };
  const pieces = ({ count }: VectorPieces, numbers: number) =>
    piecesOf(count, Math.max(widest, numbers / count));
  const positionsIn = (shape: readonly number[]) => {
    const positions = positionShape(shape, layout);
    return indexShape.positions?.(positions) ?? positions;
  };

  return {
    dim,
    codebookSizes,

    async encode(x, options) {
      const where = "codec.encode";
      const own = held(where);
      using _ = owns(own);
      const { shape } = checkNumbers(where, "x", x, "Float32Array", options, ["shape"]);
      checkInput(where, shape, layout, dim);
      const vectors = indexShape.positions
        ? wholeInputs(shape)
        : singleVectors(layout, positionShape(shape, layout));
      const shapeOf = (count: number) => positionsIn(vectors.shape(count, dim));
      const { groups, axes } = indexShape;
      const full = [...(groups === undefined ? [] : [groups]), ...positionsIn(shape), ...axes];
      const indices = indexPieces(full, indexShape, vectors.count, shapeOf);
      const found = new Int32Array(full.reduce((a, b) => a * b));
      for (const piece of pieces(vectors, Math.max(x.length, found.length))) {
        const rows = vectors.bringIn(x, piece.first, piece.room);
        const part = np.array(rows, { shape: vectors.shape(piece.room, dim) });
        const codes = await (await quantizer.encode(tree.ref(own as never), part)).data();
        indices.bringOut(codes as Int32Array, found, piece);
      }
      return withShape(found, full);
    },

    async decode(given, options) {
      const where = "codec.decode";
      const own = held(where);
      using _ = owns(own);
      const names = ["shape", "size"];
      const { shape, size } = checkNumbers(where, "indices", given, "Int32Array", options, names);
      if (given.length === 0) throw expected(`${where}: shape of indices`, "at least one", shape);
      const sized = checkSize(where, quantizer, size);
      checkIndexShape(where, "indices", { shape }, indexShape);
      checkIndexValues(`${where}: indices`, quantizer, given, shape, (at) => given[at] !== -1);
      const positions = positionsOfIndices(shape, indexShape);
      const [batch = 1, ...inner] = positions;
      const vectors = indexShape.positions
        ? wholeInputs(positions)
        : singleVectors(layout, positions);
      const indices = indexPieces(shape, indexShape, vectors.count, (count) =>
        indexShape.positions
          ? [count, ...inner]
          : positionShape(vectors.shape(count, outputs), layout),
      );
      let output: Float32Array<ArrayBuffer> | undefined;
      let last: readonly number[] = [];
      for (const piece of pieces(vectors, given.length)) {
        const part = np.array(indices.bringIn(given, piece), {
          shape: indices.pieceShape(piece.room),
        });
        const decoded = quantizer.decode(tree.ref(own as never), part, sized);
        last = decoded.shape;
        const numbers = (await decoded.data()) as Float32Array;
        output ??= new Float32Array(vectors.count * (numbers.length / piece.room));
        vectors.bringOut(numbers, output, piece.first, piece.taken);
      }
      const first = layout === "channelLast" ? [...positions, outputs] : [batch, outputs, ...inner];
      return withShape(
        output as Float32Array<ArrayBuffer>,
        indexShape.positions ? [batch, ...last.slice(1)] : first,
      );
    },

    async toBytes() {
      const own = held("codec.toBytes");
      using _ = owns(own);
      return await writeCheckpoint("quantizer", config, {}, tree.ref(own as never));
    },

    dispose() {
      if (open) release(variables);
      open = false;
    },
  };
}

/** Throws unless these make a codec; the variables are given up then. */
function checkGiven(quantizer: unknown, variables: Variables): Pick<Calls, "layout" | "indices"> {
  const where = "createCodec";
  try {
    checkQuantizer(`${where}: quantizer`, quantizer);
    if (!hasCodes(quantizer))
      throw expected(where, "a quantizer with codes", quantizer.config.type);
    const shapes = layoutsOf(quantizer);
    if (!shapes) throw expected(`${where}: quantizer`, "one of this library's", quantizer);
    checkVariablesOf(where, quantizer, variables);
    return shapes;
  } catch (error) {
    release(variables);
    throw error;
  }
}

/** The most features of a vector on its way, as its maps tell. */
function widestOf({ params }: Variables): number {
  let widest = 1;
  eachArray(params, ({ shape }) => {
    widest = Math.max(widest, shape.at(-1) ?? 1);
  });
  return widest;
}

const kinds = { Float32Array: "a Float32Array", Int32Array: "an Int32Array" };

/** The options of a call; throws unless `values` are numbers of their shape. */
function checkNumbers(
  where: string,
  name: string,
  values: unknown,
  kind: keyof typeof kinds,
  options: CodecDecodeOptions,
  known: readonly string[],
): CodecDecodeOptions & { shape: number[] } {
  const tag = (values as { [Symbol.toStringTag]?: unknown } | null | undefined)?.[
    Symbol.toStringTag
  ];
  if (tag !== kind) throw expected(`${where}: ${name}`, kinds[kind], values);
  // Indices know their shape, so that they may stand for it.
  if (!ArrayBuffer.isView(options)) {
    if (!isRecord(options)) throw expected(`${where}: options`, "{ shape }", options);
    checkKnownOptions(where, options, known);
  }
  const { shape, size } = options;
  if (!Array.isArray(shape)) throw expected(`${where}: shape`, "a list of sizes", shape);
  for (const size of shape) checkInteger(`${where}: shape`, size, 0);
  const { length } = values as Float32Array;
  const needed = shape.reduce((a, b) => a * b, 1);
  if (length !== needed) {
    throw expected(`${where}: ${name}`, `${needed} numbers for shape [${shape}]`, length);
  }
  return { shape: [...shape], ...(size && { size }) };
}

function checkSize(
  where: string,
  quantizer: Pick<Quantizer, "config">,
  size: CodecDecodeOptions["size"],
): Record<string, unknown> {
  if (size === undefined) return {};
  if (!optionsTakenBy(quantizer, "decode")?.includes("size")) {
    throw expected(`${where}: size`, `none for ${quantizer.config.type}`, size);
  }
  return { size };
}

/** `values` with their shape, which no loop over them meets. */
function withShape<Numbers extends object>(
  values: Numbers,
  shape: readonly number[],
): Numbers & CodecShape {
  return Object.defineProperty(values, "shape", { value: shape }) as Numbers & CodecShape;
}
