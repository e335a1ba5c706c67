import { shuffledBatches } from "vector-quantize/data";
import { Failure } from "../failure.ts";
import { inParallel } from "../input/photos.ts";

/** Items whose pieces are mixed. */
export const mixed = 64;

/** Random pieces of items, one after another. */
export interface PieceStream<Values> {
  /** Copies piece `number` of the stream to place `at` among pieces. */
  copy(number: number, pieces: Values, at: number): Promise<void>;
  /** Begins to decode what comes after piece `number`. */
  ahead(number: number): void;
}

export interface PieceStreamOptions<Values> {
  readonly items: Uint32Array;
  /** Pieces of each visit to an item. */
  readonly perVisit: number;
  readonly seed: number;
  /** What errors call an item. */
  readonly one: string;
  /** Values of a piece. */
  readonly length: number;
  allocate(length: number): Values;
  /**
   * Decodes an item, and puts pieces of it to `places` among those of a block. False if it can't be read.
   *
   * @param places numbers of the pieces; with the block's they seed what is random
   */
  visit(item: number, block: number, places: readonly number[], pieces: Values): Promise<boolean>;
}

/**
 * Pieces in an order that follows the seed alone. Blocks of items follow one another, each item once an
 * epoch; of each come some pieces, and those of a block are mixed.
 */
export function pieceStream<Values extends Uint8Array | Float32Array>(
  options: PieceStreamOptions<Values>,
): PieceStream<Values> {
  const { items, perVisit, seed, one, length: values, allocate, visit } = options;
  const together = Math.min(mixed, items.length);
  const length = together * perVisit;
  const blocks = shuffledBatches(items, together, seed);
  const orders = shuffledBatches(
    Uint32Array.from({ length }, (_, i) => i),
    length,
    seed + 1,
  );
  const loaded = new Map<number, Promise<Values>>();

  async function load(block: number): Promise<Values> {
    const pieces = allocate(length * values);
    const visits = [...blocks.at(block)].map((item, at) => {
      const places = Array.from({ length: perVisit }, (_, i) => at * perVisit + i);
      return visit(item, block, places, pieces);
    });
    const present = await inParallel(visits, together, (each) => each);
    // In the place of an item that can't be read stands the next one of the block that can.
    for (const [at, there] of present.entries()) {
      if (there) continue;
      const next = present.findIndex((each, i) => each && i > at);
      const other = next === -1 ? present.indexOf(true) : next;
      if (other === -1) throw new Failure(`expected a readable ${one} among ${together}, got none`);
      const size = perVisit * values;
      pieces.copyWithin(at * size, other * size, (other + 1) * size);
    }
    return pieces;
  }

  function begin(block: number): Promise<Values> {
    const known = loaded.get(block);
    if (known) return known;
    const loading = load(block);
    loading.catch(() => {}); // whoever asks for the block hears of it
    loaded.set(block, loading);
    return loading;
  }

  return {
    async copy(number, pieces, at) {
      const block = Math.floor(number / length);
      const all = await begin(block);
      for (const other of loaded.keys())
        if (other !== block && other !== block + 1) loaded.delete(other);
      const place = orders.at(block)[number % length] as number;
      pieces.set(all.subarray(place * values, (place + 1) * values), at * values);
    },
    ahead(number) {
      begin(Math.floor(number / length) + 1);
    },
  };
}
