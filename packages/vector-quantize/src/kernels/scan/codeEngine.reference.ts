import type { CodeEngine, CodeNeighbours, CodeRows, ScanBatch } from "./codeEngine.ts";
import { nibbleOf } from "./codeLayout.ts";
import type { QueryTables, ScanCoder } from "./codeQuantizer.ts";

const { fround } = Math;

/** One code of a cell. */
interface Held {
  readonly code: Uint8Array;
  readonly id: number;
  readonly vector: Float32Array;
}

/** Reference of the scans, and what engines without WebAssembly SIMD use: the same bits, slowly. */
export class ReferenceEngine implements CodeEngine {
  readonly #coder: ScanCoder;
  readonly #keepsVectors: boolean;
  readonly #cells: Held[][];

  constructor(coder: ScanCoder, options: { cells: number; keepsVectors: boolean }) {
    this.#coder = coder;
    this.#keepsVectors = options.keepsVectors;
    this.#cells = Array.from({ length: options.cells }, () => []);
  }

  get size(): number {
    return this.#cells.reduce((sum, { length }) => sum + length, 0);
  }

  async append({ codes, ids, cells, vectors }: CodeRows): Promise<void> {
    const { bytes, dim } = this.#coder;
    for (const [n, id] of ids.entries()) {
      this.#cells[cells[n]!]!.push({
        code: codes.slice(n * bytes, (n + 1) * bytes),
        id,
        vector: this.#keepsVectors ? vectors.slice(n * dim, (n + 1) * dim) : new Float32Array(0),
      });
    }
  }

  async remove(ids: ReadonlySet<number>): Promise<number> {
    const before = this.size;
    for (const [i, cell] of this.#cells.entries()) {
      this.#cells[i] = cell.filter(({ id }) => !ids.has(id));
    }
    return before - this.size;
  }

  async rows(): Promise<Required<CodeRows>> {
    const { bytes, dim } = this.#coder;
    const all = this.#cells.flatMap((cell, number) => cell.map((held) => ({ ...held, number })));
    const codes = new Uint8Array(all.length * bytes);
    const vectors = new Float32Array(this.#keepsVectors ? all.length * dim : 0);
    for (const [n, { code, vector }] of all.entries()) {
      codes.set(code, n * bytes);
      if (this.#keepsVectors) vectors.set(vector, n * dim);
    }
    return {
      codes,
      vectors,
      ids: Int32Array.from(all, ({ id }) => id),
      cells: Int32Array.from(all, ({ number }) => number),
    };
  }

  free(): void {
    for (const cell of this.#cells) cell.length = 0;
  }

  async scan(batch: ScanBatch): Promise<CodeNeighbours> {
    const { dim } = this.#coder;
    const { queries, k } = batch;
    const count = queries.length / dim;
    const ids = new Int32Array(count * k).fill(-1);
    const distances = new Float32Array(count * k).fill(Number.NaN);
    for (let q = 0; q < count; q++) {
      for (const [i, { id, distance }] of this.#answer(batch, q).entries()) {
        ids[q * k + i] = id;
        distances[q * k + i] = distance;
      }
    }
    return { ids, distances };
  }

  #answer(batch: ScanBatch, q: number): { id: number; distance: number }[] {
    const { dim } = this.#coder;
    const { k, keep, bases, probes, allows = () => true } = batch;
    const query = batch.queries.slice(q * dim, (q + 1) * dim);
    const tables = this.#coder.tables(query);
    const each = probes === undefined ? 1 : probes.cells.length / bases.length;
    const rough: { held: Held; shift: number; value: number; order: number }[] = [];
    for (let p = q * each; p < (q + 1) * each; p++) {
      const shift = probes === undefined ? 0 : probes.bases[p]!;
      for (const held of this.#cells[probes === undefined ? 0 : probes.cells[p]!]!) {
        const order = rough.length;
        if (!allows(held.id)) continue;
        rough.push({ held, shift, value: this.#sum(tables, held.code, shift), order });
      }
    }
    rough.sort((a, b) => a.value - b.value || a.order - b.order);
    const asTheyAre = keep === k && this.#coder.layout.moreBits === 0;
    const { constants } = tables;
    const estimateOf = (code: Uint8Array, shift: number, value: number) => {
      if (!asTheyAre) return this.#estimate(tables, code, shift);
      if (this.#coder.layout.factors > 0) return value;
      return fround(fround(value * constants[1]!) + constants[0]!);
    };
    const near = rough.slice(0, keep).map(({ held, shift, value }) => ({
      id: held.id,
      distance: this.#keepsVectors
        ? this.#measure(query, held.vector)
        : fround(estimateOf(held.code, shift, value) + bases[q]!) + 0,
    }));
    near.sort((a, b) => a.distance - b.distance || a.id - b.id);
    return near.slice(0, k);
  }

  /** By small integers: what a scan compares. */
  #sum({ small, constants }: QueryTables, code: Uint8Array, shift: number): number {
    const { kind, order, factors, moreBits } = this.#coder.layout;
    const size = kind === "nibbles" ? 16 : 256;
    let sum = 0;
    for (const [place, part] of order.entries()) {
      if (part < 0 && kind === "bytes") sum += small[place * size]!;
      else sum += small[place * size + (kind === "bytes" ? code[part]! : nibbleOf(code, part))]!;
    }
    if (factors === 0) return sum;
    const at = (order.length / 2) * (moreBits + 1);
    const floats = new DataView(code.buffer, code.byteOffset + at);
    const table = fround(fround(sum * constants[1]!) + constants[0]!);
    const added = fround(floats.getFloat32(0, true) + shift);
    return fround(added + fround(floats.getFloat32(4, true) * table));
  }

  /** By floats. */
  #estimate({ floats, constants }: QueryTables, code: Uint8Array, shift: number): number {
    const { kind, order, factors, moreBits } = this.#coder.layout;
    const size = kind === "nibbles" ? 16 : 256;
    const entryOf = (place: number, index: number) => floats[place * size + index]!;
    if (kind === "bytes") {
      const sums = [0, 0, 0, 0];
      for (const [place, part] of order.entries()) {
        const entry = entryOf(place, part < 0 ? 0 : code[part]!);
        sums[place % 4] = fround(sums[place % 4]! + entry);
      }
      return fround(fround(sums[0]! + sums[1]!) + fround(sums[2]! + sums[3]!));
    }
    const sumOf = (own: Uint8Array) => {
      const sums = [0, 0];
      for (let place = 0; place < order.length; place += 2) {
        const low = entryOf(place, nibbleOf(own, order[place]!));
        const high = entryOf(place + 1, nibbleOf(own, order[place + 1]!));
        sums[(place / 2) % 2] = fround(sums[(place / 2) % 2]! + fround(low + high));
      }
      return fround(sums[0]! + sums[1]!);
    };
    if (factors === 0) return sumOf(code);
    let ones = 0;
    for (let plane = 0; plane <= moreBits; plane++) {
      const own = code.subarray(plane * (order.length / 2));
      ones = fround(2 * ones + sumOf(own));
    }
    const at = (order.length / 2) * (moreBits + 1) + (moreBits > 0 ? 8 : 0);
    const factor = new DataView(code.buffer, code.byteOffset + at);
    const all = fround((2 ** (moreBits + 1) - 1) * constants[2]!);
    const product = fround(fround(2 * ones) - all);
    const added = fround(factor.getFloat32(0, true) + shift);
    return fround(added + fround(factor.getFloat32(4, true) * product));
  }

  #measure(query: Float32Array, vector: Float32Array): number {
    const { metric } = this.#coder;
    const sums = [0, 0, 0, 0];
    for (const [i, x] of query.entries()) {
      const gap = fround(x - vector[i]!);
      const term = metric === "euclidean" ? fround(gap * gap) : fround(x * vector[i]!);
      sums[i % 4] = fround(sums[i % 4]! + term);
    }
    const sum = fround(fround(sums[0]! + sums[1]!) + fround(sums[2]! + sums[3]!));
    if (metric === "dot") return -sum + 0;
    return metric === "cosine" ? fround(1 - sum) : sum;
  }
}
