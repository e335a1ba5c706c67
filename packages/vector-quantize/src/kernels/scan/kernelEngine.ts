import {
  AS_THEY_ARE,
  BY_BYTES,
  BY_NIBBLES,
  BY_VECTORS,
  finishJobHeader,
  finishQueryHeader,
  scanItemHeader,
  scanJobHeader,
} from "../engine/binaries/headers.ts";
import { scanKernels } from "../engine/binaries/scan.ts";
import { headerAt } from "../engine/header.ts";
import type { Scope } from "../engine/memory.ts";
import type { Pool } from "../engine/pool.ts";
import type { CodeEngine, CodeNeighbours, CodeRows, ScanBatch } from "./codeEngine.ts";
import { LANES } from "./codeLayout.ts";
import { metricNumbers, type ScanCoder } from "./codeQuantizer.ts";
import { CodeStore } from "./codeStore.ts";
import { entriesOf, type ScanPlan, scanPlan, wordsOf } from "./scanPlan.ts";

/** Bytes of tables that lie in memory at a time. */
const TABLE_BYTES = 2 ** 25;
const MOST_QUERIES = 256;
/** Queries whose sums of byte codes are made together. */
const BATCH = 16;

/** Codes in a pool's memory, scanned by its kernels. */
export class KernelEngine implements CodeEngine {
  readonly #pool: Pool;
  readonly #coder: ScanCoder;
  readonly #store: CodeStore;
  readonly #held: Scope;
  /** Where what the kernels read of the quantizer lies. */
  readonly #placed: number;

  private constructor(pool: Pool, coder: ScanCoder, store: CodeStore, held: Scope, placed: number) {
    this.#pool = pool;
    this.#coder = coder;
    this.#store = store;
    this.#held = held;
    this.#placed = placed;
  }

  static create(
    pool: Pool,
    coder: ScanCoder,
    options: { cells: number; keepsVectors: boolean },
  ): Promise<KernelEngine> {
    return pool.exclusive(() =>
      pool.memory.hold(async (held) => {
        const { dim, layout } = coder;
        const store = held.adopt(new CodeStore(pool.memory, layout, { dim, ...options }));
        return new KernelEngine(pool, coder, store, held, coder.place(pool, held));
      }),
    );
  }

  get size(): number {
    return this.#store.size;
  }

  append(rows: CodeRows): Promise<void> {
    return this.#pool.exclusive(() => this.#store.append(rows));
  }

  remove(ids: ReadonlySet<number>): Promise<number> {
    return this.#pool.exclusive(() => this.#store.remove(ids));
  }

  rows(): Promise<Required<CodeRows>> {
    return this.#pool.exclusive(() => this.#store.rows());
  }

  free(): void {
    // After the searches under way. A pool that is disposed of has given all its memory back.
    this.#pool.exclusive(() => this.#held.free()).catch(() => {});
  }

  async scan(batch: ScanBatch): Promise<CodeNeighbours> {
    const { dim } = this.#coder;
    const { k, queries } = batch;
    const count = queries.length / dim;
    const ids = new Int32Array(count * k);
    const distances = new Float32Array(count * k);
    const most = this.#queriesAtOnce();
    await this.#pool.exclusive(async (scope) => {
      const masks = batch.allows ? scope.copyOf(this.#store.masksOf(batch.allows)) : undefined;
      for (let first = 0; first < count; first += most) {
        const end = Math.min(count, first + most);
        await this.#pool.memory.lend((own) =>
          this.#scan(own, partOf(batch, dim, first, end), masks ?? this.#store.masks.start, {
            ids: ids.subarray(first * k, end * k),
            distances: distances.subarray(first * k, end * k),
          }),
        );
      }
    });
    return { ids, distances };
  }

  /** Some queries, all at once. */
  async #scan(scope: Scope, batch: ScanBatch, masks: number, to: CodeNeighbours): Promise<void> {
    const pool = this.#pool;
    const { memory } = pool;
    const { dim } = this.#coder;
    const { layout } = this.#store;
    const { keep } = batch;
    const count = batch.queries.length / dim;
    const tables = await this.#prepare(scope, batch);
    const entries = entriesOf(this.#store.cells, batch, count);
    const nibbles = layout.kind === "nibbles";
    const plan = scanPlan(entries, {
      queries: count,
      together: nibbles ? 2 : BATCH,
      threads: pool.threads,
      keep,
    });
    const entriesAt = this.#entriesAt(scope, batch);
    const keys = scope.allocate(8 * plan.items.length * plan.group * keep);
    const counts = scope.allocate(4 * plan.items.length * plan.group);
    const job = scope.allocate(scanJobHeader.bytes);
    const shared = {
      blocks: this.#store.blocks.start,
      blockBytes: layout.blockBytes,
      fours: layout.fours,
      factors: layout.factors,
      constants: tables.constants,
      keep,
      keys,
      counts,
      group: plan.group,
    };
    const items = await this.#items(scope, plan, entriesAt, tables);
    headerAt(memory, job, scanJobHeader).set({ ...shared, masks, items });
    const { scanNibbles, scanBytes, finish } = await pool.load(scanKernels, pool.form);
    const room = 8 * Math.max(256, 2 * keep);
    await pool.run(nibbles ? scanNibbles : scanBytes, {
      rows: plan.items.length,
      chunkRows: 1,
      work: plan.blocks * LANES * layout.fours * 4,
      scratch: nibbles ? 256 + 2 * room : 8288 + plan.group * room,
      args: [job],
    });
    const found = scope.allocate(4 * to.ids.length);
    const distances = scope.allocate(4 * to.ids.length);
    const last = scope.allocate(finishJobHeader.bytes);
    const { vectors, ids, keepsVectors } = this.#store;
    headerAt(memory, last, finishJobHeader).set({
      ...shared,
      kind: this.#kind(batch),
      metric: metricNumbers[this.#coder.metric],
      dim,
      rows: tables.rows,
      vectors: keepsVectors ? vectors.start : 0,
      tables: tables.floats,
      tableFloats: this.#entries,
      planes: layout.planes,
      moreBits: layout.moreBits,
      ids: ids.start,
      queries: this.#queries(scope, plan, entriesAt, batch),
      k: batch.k,
      found,
      distances,
    });
    await pool.run(finish, {
      rows: count,
      chunkRows: 1,
      work: count * keep * (keepsVectors ? 2 * dim : layout.fours * 8),
      scratch: 8 * plan.mostItems * keep,
      args: [last],
    });
    memory.read(found, to.ids);
    memory.read(distances, to.distances);
  }

  /** The entries of the queries in memory; those of all codes are there already. */
  #entriesAt(scope: Scope, { probes }: ScanBatch): number {
    const { cells, all } = this.#store;
    if (probes === undefined) return all.start;
    return scope.copyOf(
      wordsOf(
        Array.from(probes.cells, (cell) => cells[cell]!),
        probes.bases,
      ),
    );
  }

  /** Tables of the queries. */
  async #prepare(scope: Scope, { queries }: ScanBatch): Promise<Tables> {
    const { dim } = this.#coder;
    const count = queries.length / dim;
    const entries = this.#entries;
    const rows = scope.copyOf(queries);
    const floats = scope.allocate(4 * entries * count);
    const small = scope.allocate(this.#smallBytes * count);
    const constants = scope.allocate(16 * count);
    const { kernel, scratch } = await this.#coder.preparer(this.#pool);
    await this.#pool.run(kernel, {
      rows: count,
      chunkRows: 1,
      work: count * entries * (dim / this.#store.layout.fours),
      scratch,
      args: [this.#placed, rows, floats, small, constants],
    });
    return { rows, floats, small, constants };
  }

  /** The items of a plan in memory, with tables of several queries side by side where codes are bytes. */
  async #items(scope: Scope, plan: ScanPlan, entries: number, tables: Tables): Promise<number> {
    const pool = this.#pool;
    const nibbles = this.#store.layout.kind === "nibbles";
    const at = scope.allocate(scanItemHeader.bytes * plan.items.length);
    const mixed = new Map<number, number>();
    const { interleave } = await pool.load(scanKernels, pool.form);
    for (const { query, queries } of plan.items) {
      if (nibbles || queries === 1 || mixed.has(query)) continue;
      const own = scope.allocate(32 * this.#entries);
      const from = tables.small + query * this.#smallBytes;
      await pool.run(interleave, {
        rows: this.#entries,
        chunkRows: 1024,
        work: this.#entries * BATCH,
        args: [from, queries, this.#entries, own],
      });
      mixed.set(query, own);
    }
    for (const [i, item] of plan.items.entries()) {
      headerAt(pool.memory, at + i * scanItemHeader.bytes, scanItemHeader).set({
        query: item.query,
        queries: item.queries,
        tables: mixed.get(item.query) ?? tables.small + item.query * this.#smallBytes,
        tableBytes: this.#smallBytes,
        entries: entries + 8 * (item.start + item.first),
        first: item.first,
        count: item.count,
      });
    }
    return at;
  }

  #queries(scope: Scope, plan: ScanPlan, entries: number, { bases }: ScanBatch): number {
    const at = scope.allocate(finishQueryHeader.bytes * plan.queries.length);
    for (const [i, { item, items, slot, start }] of plan.queries.entries()) {
      headerAt(this.#pool.memory, at + i * finishQueryHeader.bytes, finishQueryHeader).set({
        item,
        items,
        slot,
        entries: entries + 8 * start,
        base: bases[i]!,
      });
    }
    return at;
  }

  /** How the distances of the answer are made. */
  #kind({ keep, k }: ScanBatch): number {
    if (this.#store.keepsVectors) return BY_VECTORS;
    const { kind, moreBits } = this.#store.layout;
    if (keep === k && moreBits === 0) return AS_THEY_ARE;
    return kind === "nibbles" ? BY_NIBBLES : BY_BYTES;
  }

  /** Entries of the tables of a query. */
  get #entries(): number {
    const { fours, kind } = this.#store.layout;
    return 4 * fours * (kind === "nibbles" ? 16 : 256);
  }

  get #smallBytes(): number {
    return this.#entries * (this.#store.layout.kind === "nibbles" ? 1 : 2);
  }

  #queriesAtOnce(): number {
    const each = 4 * this.#entries + 3 * this.#smallBytes;
    return Math.max(BATCH, Math.min(MOST_QUERIES, Math.floor(TABLE_BYTES / each / BATCH) * BATCH));
  }
}

/** Addresses of what queries are scanned by. */
interface Tables {
  readonly rows: number;
  readonly floats: number;
  readonly small: number;
  readonly constants: number;
}

/** The queries from `first` to `end`. */
function partOf(batch: ScanBatch, dim: number, first: number, end: number): ScanBatch {
  const { queries, bases, probes } = batch;
  const each = probes === undefined ? 0 : probes.cells.length / bases.length;
  return {
    ...batch,
    queries: queries.subarray(first * dim, end * dim),
    bases: bases.subarray(first, end),
    ...(probes && {
      probes: {
        cells: probes.cells.subarray(first * each, end * each),
        bases: probes.bases.subarray(first * each, end * each),
      },
    }),
  };
}
