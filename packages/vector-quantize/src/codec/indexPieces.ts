import type { IndexShape } from "../quantizers/guard/calls.ts";
import type { Piece } from "./vectorPieces.ts";

/** Indices of `count` things that a quantizer takes apart, in the caller's array and in a call's. */
export interface IndexPieces {
  /** Shape of the caller's. */
  readonly shape: readonly number[];
  /** Shape of a call's, of `count` things. */
  pieceShape(count: number): number[];
  /** A call's from the caller's, with zeros where there are no more. */
  bringIn(from: Int32Array, piece: Piece): Int32Array<ArrayBuffer>;
  /** What a call gave, into the caller's. */
  bringOut(found: ArrayLike<number> & Int32Array, to: Int32Array, piece: Piece): void;
}

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

/**
 * @param shape of the caller's indices: groups, positions, what a position has of them
 * @param count what there is: of all positions, or of the first axis where they are taken as wholes
 * @param positionsOf the positions of a call with so many
 */
export function indexPieces(
  shape: readonly number[],
  { groups, axes }: IndexShape,
  count: number,
  positionsOf: (count: number) => readonly number[],
): IndexPieces {
  const before = groups === undefined ? [] : [groups];
  const behind = shape.slice(shape.length - axes.length);
  const width = product(shape) / (count * product(before));
  const eachGroup = (
    { first, taken, room }: Piece,
    visit: (atCaller: number, atPiece: number, length: number) => void,
  ) => {
    for (let group = 0; group < (groups ?? 1); group++) {
      visit((group * count + first) * width, group * room * width, taken * width);
    }
  };
  return {
    shape,
    pieceShape: (size) => [...before, ...positionsOf(size), ...behind],
    bringIn(from, piece) {
      const part = new Int32Array((groups ?? 1) * piece.room * width);
      eachGroup(piece, (at, to, length) => part.set(from.subarray(at, at + length), to));
      return part;
    },
    bringOut(found, to, piece) {
      eachGroup(piece, (at, from, length) => to.set(found.subarray(from, from + length), at));
    },
  };
}
