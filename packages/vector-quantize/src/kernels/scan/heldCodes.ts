import { checkBoolean, checkInteger, expected } from "../../errors.ts";
import { checkInts, checkKernelOptions } from "../arguments.ts";
import type { CoarseCells } from "./coarseCells.ts";
import type { CodeEngine, CodeNeighbours, CodeRows, ScanBatch } from "./codeEngine.ts";
import type { ScanCoder } from "./codeQuantizer.ts";
import type { CodeSearch, CodeSearchQuery, IdFilter } from "./codeSearch.ts";
import { checkUsable, unitVectors } from "./vectors.ts";

const MOST_ASKED = 1000;
/** So many are answered by the first estimate. */
const MANY_ASKED = 256;
const MOST_CANDIDATES = 16384;
const LARGEST_ID = 2 ** 31 - 1;

/** The search of `createCodeSearch`. */
export class HeldCodes implements CodeSearch {
  readonly quantizer: ScanCoder;
  readonly keepsVectors: boolean;
  readonly #engine: CodeEngine;
  readonly #coarse: CoarseCells | undefined;
  #nextId = 0;
  /** What is added, removed and saved is so in the order of the calls. */
  #changed: Promise<unknown> = Promise.resolve();
  #disposed = false;

  constructor(
    coder: ScanCoder,
    engine: CodeEngine,
    keepsVectors: boolean,
    coarse: CoarseCells | undefined,
  ) {
    this.quantizer = coder;
    this.keepsVectors = keepsVectors;
    this.#engine = engine;
    this.#coarse = coarse;
  }

  get size(): number {
    return this.#engine.size;
  }

  get cells(): number {
    return this.#coarse?.count ?? 0;
  }

  async nearest(queries: Float32Array, options: CodeSearchQuery = {}): Promise<CodeNeighbours> {
    this.#checkUse();
    checkKernelOptions("nearest", options, ["k", "candidates", "filter", "probes"]);
    const { k = 10, filter, probes = this.#defaultProbes() } = options;
    const { dim, metric } = this.quantizer;
    checkInteger("nearest: k", k, 1, MOST_ASKED);
    const { candidates = this.#defaultCandidates(k) } = options;
    checkInteger("nearest: candidates", candidates, k, MOST_CANDIDATES);
    this.#checkProbes(probes, options.probes);
    const allows = filter === undefined ? undefined : allowing(filter);
    const count = checkUsable("nearest", queries, dim);
    const asked = metric === "cosine" ? unitVectors(queries, dim) : queries;
    const batch = { queries: asked, k, keep: candidates, ...(allows && { allows }) };
    if (this.#coarse !== undefined) {
      const near = await this.#coarse.probes(asked, probes);
      this.#checkUse();
      return this.#engine.scan(this.#inCells(batch, near, count));
    }
    const bases = Float32Array.from({ length: count }, (_, q) =>
      this.quantizer.base(asked.subarray(q * dim, (q + 1) * dim)),
    );
    return this.#engine.scan({ ...batch, bases });
  }

  /** Codes of parts are of the vectors themselves, whatever their cells. */
  #inCells(
    batch: Omit<ScanBatch, "bases" | "probes">,
    near: NonNullable<ScanBatch["probes"]>,
    count: number,
  ): ScanBatch {
    const bases = new Float32Array(count);
    if (this.quantizer.type === "rabitq") return { ...batch, bases, probes: near };
    const probes = { cells: near.cells, bases: new Float32Array(near.cells.length) };
    return { ...batch, bases, probes };
  }

  #defaultProbes(): number {
    return Math.min(this.cells, Math.max(8, Math.ceil(this.cells / 16)));
  }

  #checkProbes(probes: number, given: number | undefined): void {
    if (given === undefined) return;
    if (this.#coarse === undefined) {
      throw expected("nearest: probes", "none without cells", given);
    }
    checkInteger("nearest: probes", probes, 1, Math.min(this.cells, MOST_CANDIDATES));
  }

  #defaultCandidates(k: number): number {
    if (this.keepsVectors) return Math.max(100, 2 * k);
    if (this.quantizer.layout.moreBits > 0) return Math.max(100, 4 * k);
    return k < MANY_ASKED ? k + Math.ceil(k / 8) + 32 : k;
  }

  async add(items: Float32Array | Uint8Array, ids?: Int32Array): Promise<void> {
    return this.take("add", items, ids);
  }

  /** Adds vectors or codes in the name of `where`. */
  async take(
    where: string,
    items: Float32Array | Uint8Array,
    given: Int32Array | undefined,
  ): Promise<void> {
    this.#checkUse();
    const coder = this.quantizer;
    const isVectors = items instanceof Float32Array;
    if (!isVectors) this.#checkCodes(where, items);
    const count = isVectors ? checkUsable(where, items, coder.dim) : items.length / coder.bytes;
    const ids = this.#idsFor(where, given, count);
    // Ids are given out at once: another call may follow before this one ends.
    this.#nextId = ids.reduce((most, id) => Math.max(most, id + 1), this.#nextId);
    await this.#inOrder(this.#coded(items, count), (rows) => this.#engine.append({ ids, ...rows }));
  }

  /** Does what was prepared, after all that was asked for before. */
  async #inOrder<P, T>(prepared: P | Promise<P>, act: (prepared: P) => Promise<T>): Promise<T> {
    const done = Promise.all([prepared, this.#changed]).then(([own]) => {
      this.#checkUse();
      return act(own);
    });
    this.#changed = done.catch(() => {});
    return done;
  }

  async #coded(items: Float32Array | Uint8Array, count: number): Promise<Omit<CodeRows, "ids">> {
    const coder = this.quantizer;
    const none = new Float32Array(0);
    if (!(items instanceof Float32Array)) {
      return { codes: items, cells: new Int32Array(count), vectors: none };
    }
    const unit = coder.metric === "cosine" && (this.keepsVectors || this.#coarse !== undefined);
    const vectors = unit ? unitVectors(items, coder.dim) : items;
    const kept = { vectors: this.keepsVectors ? vectors : none };
    if (this.#coarse === undefined) {
      return { ...kept, codes: await coder.encode(items), cells: new Int32Array(count) };
    }
    const cells = await this.#coarse.of(vectors);
    const { centroids } = this.#coarse;
    return { ...kept, cells, codes: await coder.encodeIn(items, cells, centroids) };
  }

  /** Takes rows of a file, which have been checked. */
  async restore(rows: CodeRows, nextId: number): Promise<void> {
    this.#nextId = nextId;
    await this.#engine.append(rows);
  }

  /** All that it holds, for a file. */
  async content() {
    this.#checkUse();
    const nextId = this.#nextId;
    const rows = await this.#inOrder(undefined, () => this.#engine.rows());
    return { rows, centroids: this.#coarse?.centroids, nextId };
  }

  #checkCodes(where: string, codes: Uint8Array): void {
    const { bytes } = this.quantizer;
    if (this.keepsVectors || this.#coarse !== undefined) {
      const why = this.keepsVectors ? "vectors are kept" : "there are cells";
      throw expected(`${where}: items`, `a Float32Array of vectors, for ${why}`, codes);
    }
    if (codes.length % bytes !== 0) {
      throw expected(`${where}: codes length`, `a multiple of ${bytes} bytes`, codes.length);
    }
    for (let n = 0; n * bytes < codes.length; n++) {
      const code = codes.subarray(n * bytes, (n + 1) * bytes);
      this.quantizer.checkCode(`${where}: code ${n}`, code);
    }
  }

  #idsFor(where: string, given: Int32Array | undefined, count: number): Int32Array {
    const first = this.#nextId;
    if (given === undefined) {
      if (first + count > LARGEST_ID) {
        throw expected(
          `${where}: ids`,
          "some of your own, for the next number is too large",
          first,
        );
      }
      return Int32Array.from({ length: count }, (_, n) => first + n);
    }
    checkInts(`${where}: ids`, given);
    if (given.length !== count) throw expected(`${where}: ids`, `${count} of them`, given.length);
    const wrong = given.find((id) => id < 0 || id === LARGEST_ID);
    if (wrong !== undefined) {
      throw expected(`${where}: ids`, `integers from 0 to ${LARGEST_ID - 1}`, wrong);
    }
    return given.slice();
  }

  async remove(ids: Iterable<number>): Promise<number> {
    this.#checkUse();
    const iterates = typeof ids === "object" && ids !== null && Symbol.iterator in ids;
    if (!iterates) throw expected("remove: ids", "a list of ids", ids);
    const gone = new Set(ids);
    for (const id of gone) checkInteger("remove: ids", id, 0);
    return this.#inOrder(gone, (ids) => this.#engine.remove(ids));
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#engine.free();
    this.#coarse?.dispose();
  }

  #checkUse(): void {
    if (this.#disposed) throw expected("search", "one that is in use", "one that was disposed of");
  }
}

/** Whether an id may be found. */
function allowing(filter: IdFilter): (id: number) => boolean {
  if (typeof filter === "function") {
    return (id) => {
      const allowed = filter(id);
      checkBoolean("nearest: filter", allowed);
      return allowed;
    };
  }
  if (!(filter instanceof Uint8Array)) {
    throw expected("nearest: filter", "a function of an id, or a Uint8Array of bits", filter);
  }
  const bits = filter.slice();
  return (id) => ((bits[id >> 3] ?? 0) & (1 << (id & 7))) !== 0;
}
