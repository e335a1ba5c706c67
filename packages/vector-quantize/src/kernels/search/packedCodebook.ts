import { expected } from "../../errors.ts";
import { codebookHeader } from "../engine/binaries/headers.ts";
import { searchKernels } from "../engine/binaries/search.ts";
import { headerAt } from "../engine/header.ts";
import type { KernelForm } from "../engine/kernelModule.ts";
import type { KernelMemory } from "../engine/memory.ts";
import type { Pool } from "../engine/pool.ts";
import { firstNotFinite } from "../invalid.ts";
import type { TileShape } from "./tileShape.ts";

/** How far a code is from a vector; the nearest code is the one with the least value. */
export type KernelMetric = "euclidean" | "cosine" | "dot";

/** The numbers that the kernels know the metrics by. */
const metricIds: Record<KernelMetric, number> = { euclidean: 0, dot: 1, cosine: 2 };

/** A codebook in the pool's memory, packed for the search kernels. */
export interface PackedCodebook {
  /** Address of the header that kernels take: see `assembly/search/packedCodebook.ts`. */
  readonly header: number;
  readonly dim: number;
  readonly size: number;
  readonly metric: KernelMetric;
  readonly tile: TileShape;
  /** Address of the codes as given, f32 `[K, D]`: for gathers. */
  readonly codes: number;
  /**
   * Takes other codes in place of the present ones, without new memory. Call it inside
   * `pool.exclusive`. Throws, and keeps the present codes, if a value is not finite.
   */
  set(codes: Float32Array): Promise<void>;
  /** As `set`, of codes that are known to be finite. */
  take(codes: Float32Array): Promise<void>;
  /** Whether these are the present codes. */
  holds(codes: Float32Array): boolean;
  /** Gives the memory back. */
  free(): void;
}

export interface PackOptions {
  readonly dim: number;
  readonly size: number;
  readonly metric: KernelMetric;
  readonly tile: TileShape;
  readonly form: KernelForm;
  /** Numbers of this size and more make a vector invalid. Default: none that is finite. */
  readonly limit?: number;
}

const CACHE_LINE = 64;
/** Rounding unit of float32. */
const UNIT = 2 ** -24;

/** The fields of the packed codebook at `header`. */
export function headerOf(memory: KernelMemory, header: number) {
  return headerAt(memory, header, codebookHeader);
}

/** Room for a codebook of `size` codes of `dim` features; `set` brings the codes in. */
export async function packCodebook(pool: Pool, options: PackOptions): Promise<PackedCodebook> {
  const { dim, size, metric, tile, form, limit = Number.POSITIVE_INFINITY } = options;
  const { memory } = pool;
  const kernels = await pool.load(searchKernels, form);
  const panels = Math.ceil(size / tile.codes);
  const stored = Math.ceil(panels / 4) * 4; // the exact search reads four panels at a time
  const places = stored * tile.codes;

  const scales = metric === "cosine" ? size : 0;
  const bytes = codebookHeader.bytes + 4 * (size * dim + places * dim + places + dim) + 8 * scales;
  const header = memory.allocate(bytes + 6 * CACHE_LINE);
  let free = header;
  const take = (part: number) => {
    const start = free;
    free += Math.ceil(part / CACHE_LINE) * CACHE_LINE;
    return start;
  };
  take(codebookHeader.bytes);
  const codes = take(4 * size * dim);
  const packed = take(4 * places * dim);
  const bias = take(4 * places);
  const mean = take(4 * dim);
  const scale = take(8 * scales);
  memory.f32(mean, dim).fill(0);
  const fields = headerOf(memory, header);
  fields.set({ dim, size, shape: tile.id, panels, codes, packed, bias, mean, scale });
  // Beyond all finite numbers the kernels need not look.
  const least = limit < Number.POSITIVE_INFINITY ? bitsOf(limit) : 0;
  fields.set({ metric: metricIds[metric], limit: least });

  let filled = false;
  const bounds = () => {
    const [minNorm, maxNorm] = lengths();
    // A score is a sum of D + 1 terms, from inputs that were rounded when they were shifted.
    const unit = 1.01 * (dim + 10) * UNIT;
    const safe = metric === "cosine" ? minNorm > 1e-10 && maxNorm < 1e10 : maxNorm < 4e18;
    fields.set({
      // Codes of other lengths may take sums out of the range of float32. No bound holds then, and
      // every row is re-ranked in float64.
      unit: safe ? unit : Number.POSITIVE_INFINITY,
      reach: 1 / (1 - Math.sqrt(6 * unit)),
      maxNorm: metric === "cosine" ? 1.0001 : maxNorm * 1.0001,
      tiny: dim * 1e-44,
    });
  };

  /** The least length of a code that is not zero (cosine only) and the largest one. */
  const lengths = (): [number, number] => {
    if (metric === "cosine") {
      const known = memory.f64(scale, size).filter((value) => value > 0);
      return [
        1 / known.reduce((a, b) => Math.max(a, b), 0),
        1 / known.reduce((a, b) => Math.min(a, b), 1),
      ];
    }
    if (metric === "dot") return [0, maxLength(memory.f32(codes, size * dim), dim)];
    const half = memory.f32(bias, size).reduce((a, b) => Math.max(a, b), 0);
    return [0, Math.sqrt(2 * half + dim * 1e-44)];
  };

  async function takeCodes(values: Float32Array): Promise<void> {
    filled = true;
    memory.f32(codes, size * dim).set(values);
    if (metric === "euclidean") kernels.codebookMean.call(0, dim, 0, header);
    const work = 8 * size * dim;
    await pool.run(kernels.packCodebook, { rows: stored, chunkRows: 16, work, args: [header] });
    bounds();
  }

  return {
    header,
    dim,
    size,
    metric,
    tile,
    codes,
    async set(values) {
      checkFinite(values, dim);
      await takeCodes(values);
    },
    take: takeCodes,
    holds: (values) => filled && same(values, memory.f32(codes, size * dim)),
    free() {
      memory.free(header);
    },
  };
}

const bitsOf = (value: number) => new Int32Array(Float32Array.of(value).buffer)[0] as number;

/** Whether two arrays of one length hold the same numbers. */
function same(a: Float32Array, b: Float32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Throws, naming the first, if a value of the codebook is NaN or an infinity. */
export function checkFinite(values: Float32Array, dim: number): void {
  const at = firstNotFinite(values);
  if (at < 0) return;
  throw expected(
    `codebook: code ${Math.floor(at / dim)}, feature ${at % dim}`,
    "a finite number",
    values[at],
  );
}

function maxLength(values: Float32Array, dim: number): number {
  let max = 0;
  for (let begin = 0; begin < values.length; begin += dim) {
    let squares = 0;
    for (let i = begin; i < begin + dim; i++) squares += (values[i] as number) ** 2;
    max = Math.max(max, squares);
  }
  return Math.sqrt(max);
}
