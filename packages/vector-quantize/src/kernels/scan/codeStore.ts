import type { KernelMemory } from "../engine/memory.ts";
import type { Cell, CodeRows } from "./codeEngine.ts";
import { type CodeLayout, LANES, putCode, takeCode } from "./codeLayout.ts";
import { Region } from "./region.ts";
import { wordsOf } from "./scanPlan.ts";

/** Codes in a pool's memory, in blocks of 32, each block of one cell. Call its methods inside `exclusive`. */
export class CodeStore {
  readonly layout: CodeLayout;
  readonly cells: readonly Cell[];
  readonly dim: number;
  /** The vectors themselves are there too. */
  readonly keepsVectors: boolean;
  readonly blocks: Region;
  /** u32 by block: the lanes that hold codes. */
  readonly masks: Region;
  readonly ids: Region;
  readonly vectors: Region;
  /** Entries of all blocks, where there is one cell: `ScanItem.entries`. */
  readonly all: Region;
  readonly #memory: KernelMemory;
  readonly #unused: number[] = [];
  /** Blocks that there are. */
  total = 0;

  constructor(
    memory: KernelMemory,
    layout: CodeLayout,
    { dim, cells, keepsVectors }: { dim: number; cells: number; keepsVectors: boolean },
  ) {
    this.#memory = memory;
    this.layout = layout;
    this.dim = dim;
    this.keepsVectors = keepsVectors;
    this.cells = Array.from({ length: cells }, () => ({ blocks: [], count: 0 }));
    this.blocks = new Region(memory);
    this.masks = new Region(memory);
    this.ids = new Region(memory);
    this.vectors = new Region(memory);
    this.all = new Region(memory);
  }

  get size(): number {
    return this.cells.reduce((sum, { count }) => sum + count, 0);
  }

  free(): void {
    for (const region of [this.blocks, this.masks, this.ids, this.vectors, this.all]) region.free();
  }

  append({ codes, ids, cells, vectors }: CodeRows): void {
    const { rowBytes } = this.layout;
    this.#reserve(cells);
    const [idsAt, vectorsAt] = this.#views();
    for (let n = 0; n < ids.length; n++) {
      const cell = this.cells[cells[n]!]!;
      const place = this.#placeOf(cell, cell.count++);
      const lane = place % LANES;
      const block = this.#block((place - lane) / LANES);
      putCode(this.layout, codes.subarray(n * rowBytes, (n + 1) * rowBytes), block, lane);
      idsAt[place] = ids[n]!;
      if (this.keepsVectors) {
        vectorsAt.set(vectors.subarray(n * this.dim, (n + 1) * this.dim), place * this.dim);
      }
    }
    for (const cell of this.cells) this.#mask(cell);
    this.#enter();
  }

  /** Those that stay move up, in their order. */
  remove(gone: ReadonlySet<number>): number {
    const [ids, vectors] = this.#views();
    const code = new Uint8Array(this.layout.rowBytes);
    let removed = 0;
    for (const cell of this.cells) {
      let to = 0;
      for (let from = 0; from < cell.count; from++) {
        const place = this.#placeOf(cell, from);
        if (gone.has(ids[place]!)) continue;
        const target = this.#placeOf(cell, to++);
        if (target === place) continue;
        this.#read(place, code);
        const lane = target % LANES;
        putCode(this.layout, code, this.#block((target - lane) / LANES), lane);
        ids[target] = ids[place]!;
        if (this.keepsVectors) {
          vectors.copyWithin(target * this.dim, place * this.dim, (place + 1) * this.dim);
        }
      }
      removed += cell.count - to;
      cell.count = to;
      this.#mask(cell);
      const used = Math.ceil(to / LANES);
      this.#unused.push(...cell.blocks.splice(used).reverse());
    }
    this.#enter();
    return removed;
  }

  rows(): Required<CodeRows> {
    const { size, dim } = this;
    const { rowBytes } = this.layout;
    const codes = new Uint8Array(size * rowBytes);
    const ids = new Int32Array(size);
    const cells = new Int32Array(size);
    const vectors = new Float32Array(this.keepsVectors ? size * dim : 0);
    const [idsAt, vectorsAt] = this.#views();
    let n = 0;
    for (const [number, cell] of this.cells.entries()) {
      for (let i = 0; i < cell.count; i++, n++) {
        const place = this.#placeOf(cell, i);
        this.#read(place, codes.subarray(n * rowBytes, (n + 1) * rowBytes));
        ids[n] = idsAt[place]!;
        cells[n] = number;
        if (!this.keepsVectors) continue;
        vectors.set(vectorsAt.subarray(place * dim, (place + 1) * dim), n * dim);
      }
    }
    return { codes, ids, cells, vectors };
  }

  /** The masks of all blocks, of the codes that `allows` lets through alone. */
  masksOf(allows: (id: number) => boolean): Int32Array {
    const masks = new Int32Array(this.total);
    const [ids] = this.#views();
    for (const { blocks, count } of this.cells) {
      for (let i = 0; i < count; i++) {
        const block = blocks[i >> 5]!;
        if (allows(ids[block * LANES + (i & 31)]!)) masks[block]! |= 1 << (i & 31);
      }
    }
    return masks;
  }

  /** Room for further codes of these cells, before anything changes. */
  #reserve(cells: Int32Array): void {
    const counts = new Map<number, number>();
    for (const cell of cells) counts.set(cell, (counts.get(cell) ?? 0) + 1);
    let more = 0;
    for (const [number, count] of counts) {
      const cell = this.cells[number]!;
      more += Math.ceil((cell.count + count) / LANES) - cell.blocks.length;
    }
    const total = this.total + Math.max(0, more - this.#unused.length);
    this.blocks.reserve(total * this.layout.blockBytes);
    this.masks.reserve(4 * total);
    this.ids.reserve(4 * LANES * total);
    this.all.reserve(8 * total);
    if (this.keepsVectors) this.vectors.reserve(4 * LANES * this.dim * total);
    for (const [number, count] of counts) {
      const cell = this.cells[number]!;
      const wanted = Math.ceil((cell.count + count) / LANES);
      while (cell.blocks.length < wanted) cell.blocks.push(this.#unused.pop() ?? this.total++);
    }
  }

  #enter(): void {
    if (this.cells.length > 1) return;
    this.#memory.write(this.all.start, wordsOf(this.cells, new Float32Array(1)));
  }

  #mask({ blocks, count }: Cell): void {
    const masks = this.#memory.i32(this.masks.start, this.total);
    for (const [i, block] of blocks.entries()) {
      const lanes = Math.min(LANES, count - i * LANES);
      masks[block] = lanes === LANES ? -1 : (1 << Math.max(0, lanes)) - 1;
    }
  }

  #placeOf({ blocks }: Cell, i: number): number {
    return blocks[i >> 5]! * LANES + (i & 31);
  }

  #block(number: number): Uint8Array {
    const { blockBytes } = this.layout;
    return this.#memory.u8(this.blocks.start + number * blockBytes, blockBytes);
  }

  #read(place: number, code: Uint8Array): void {
    const lane = place % LANES;
    takeCode(this.layout, this.#block((place - lane) / LANES), lane, code);
  }

  /** Ids and vectors by place. */
  #views(): [Int32Array, Float32Array] {
    const places = this.total * LANES;
    const vectors = this.keepsVectors ? places * this.dim : 0;
    return [
      this.#memory.i32(this.ids.start, places),
      this.#memory.f32(this.keepsVectors ? this.vectors.start : 0, vectors),
    ];
  }
}
