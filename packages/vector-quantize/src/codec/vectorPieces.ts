import type { Layout } from "../layout/layout.ts";

/** Most numbers of a call to a quantizer: 16 MiB of float32, many times what a search brings in at once. */
const mostNumbers = 2 ** 22;

/**
 * What a quantizer takes apart: vectors, or whole images where it looks at these. In the host's memory
 * they lie as in the caller's array; a call gets some of them, in an array of its own.
 */
export interface VectorPieces {
  /** How many there are. */
  readonly count: number;
  /** Shape of an array of `count` of them, with `features` a vector. */
  shape(count: number, features: number): number[];
  /** Brings those from `first` on, with zeros where there are fewer, into such an array. */
  bringIn(from: Float32Array, first: number, count: number): Float32Array<ArrayBuffer>;
  /** Puts the first ones of such an array where they stand in the caller's. */
  bringOut(piece: Float32Array, to: Float32Array, first: number, count: number): void;
}

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

/** Vectors that are quantized one by one: of all `positions`, in a row. */
export function singleVectors(layout: Layout, positions: readonly number[]): VectorPieces {
  const count = product(positions);
  const spare = { channelLast: [], channelFirst: [], image: [1], video: [1, 1] }[layout];
  const perBatch = product(positions.slice(1));
  if (layout === "channelLast" || perBatch === 1) {
    const last = spare.length > 0 ? [...spare, 1] : [];
    return rowsOf(count, (rows, features) => [rows, features, ...last]);
  }
  /** Calls `visit` with every run of numbers that lie side by side in both arrays. */
  const eachRun = (
    features: number,
    { first, taken, room }: { first: number; taken: number; room: number },
    visit: (atCaller: number, atPiece: number, length: number) => void,
  ) => {
    for (let done = 0; done < taken; ) {
      const batch = Math.floor((first + done) / perBatch);
      const within = first + done - batch * perBatch;
      const length = Math.min(perBatch - within, taken - done);
      for (let d = 0; d < features; d++) {
        visit((batch * features + d) * perBatch + within, d * room + done, length);
      }
      done += length;
    }
  };
  return {
    count,
    shape: (rows, features) => [1, features, ...spare, rows],
    bringIn(from, first, room) {
      const features = from.length / count;
      const piece = new Float32Array(features * room);
      const taken = Math.min(room, count - first);
      eachRun(features, { first, taken, room }, (at, to, length) =>
        piece.set(from.subarray(at, at + length), to),
      );
      return piece;
    },
    bringOut(piece, to, first, taken) {
      const features = to.length / count;
      const room = piece.length / features;
      eachRun(features, { first, taken, room }, (at, from, length) =>
        to.set(piece.subarray(from, from + length), at),
      );
    },
  };
}

/** Images or series that are quantized as wholes, of `shape` with the batch. */
export const wholeInputs = ([count = 1, ...inner]: readonly number[]): VectorPieces =>
  rowsOf(count, (rows) => [rows, ...inner]);

/** What lies one after another. */
function rowsOf(count: number, shape: VectorPieces["shape"]): VectorPieces {
  return {
    count,
    shape,
    bringIn(from, first, rows) {
      const width = from.length / count;
      const piece = new Float32Array(rows * width);
      piece.set(from.subarray(first * width, Math.min(first + rows, count) * width));
      return piece;
    },
    bringOut(piece, to, first, rows) {
      const width = to.length / count;
      to.set(piece.subarray(0, rows * width), first * width);
    },
  };
}

/** Some of what there is: from `first` on `taken`, in an array that has room for `room`. */
export interface Piece {
  readonly first: number;
  readonly taken: number;
  readonly room: number;
}

/**
 * `count` things of `width` numbers each in pieces that a call can take. jax-js compiles for every shape,
 * and keeps that for good: so there are few of them, 8 an octave, and up to an eighth of room is spare.
 */
export function piecesOf(count: number, width: number): Piece[] {
  const most = roomFor(Math.max(1, Math.floor(mostNumbers / width)), Math.floor);
  const pieces: Piece[] = [];
  for (let first = 0; first < count; first += most) {
    const taken = Math.min(most, count - first);
    pieces.push({ first, taken, room: roomFor(taken, Math.ceil) });
  }
  return pieces;
}

/** Four significant bits of `count`. */
function roomFor(count: number, round: (value: number) => number): number {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(count)) - 3);
  return round(count / step) * step;
}
