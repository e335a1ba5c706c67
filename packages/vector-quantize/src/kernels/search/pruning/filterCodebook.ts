import {
  DIGIT,
  FEATURES,
  filterCodebookHeader,
  GROUP,
  LIST,
  MOST_OF_LENGTH,
  PANEL,
  ROUND_BYTES,
  ROW,
  WAITING,
  WINDOW,
} from "../../engine/binaries/headers.ts";
import { searchKernels } from "../../engine/binaries/search.ts";
import { headerAt } from "../../engine/header.ts";
import type { KernelForm } from "../../engine/kernelModule.ts";
import { Scope } from "../../engine/memory.ts";
import type { Kernel, Pool } from "../../engine/pool.ts";
import { headerOf, type PackedCodebook } from "../packedCodebook.ts";
import { topKScratch } from "../tileChoice.ts";
import { mostAxes } from "./subspaceAxes.ts";

/** A packed codebook in small integers, for `nearestFiltered`. */
export interface FilterCodebook {
  /** Address of the header that kernels take: see `assembly/search/pruning/filterCodebook.ts`. */
  readonly header: number;
  /**
   * Forgets what earlier rows showed. `subspace` and `tree` are the addresses of what rows meet
   * before, or 0.
   */
  start(subspace: number, tree: number): void;
  /** Says that these codes are projections, and where the header of their subspace is. */
  seeThrough(subspace: number): void;
  /** Whether rows kept so many codes since `start` that they go to the next stage. */
  hopeless: boolean;
  /** Takes over the codes of the packed codebook, which must be `inRange`. */
  update(): Promise<void>;
  free(): void;
}

/** Panels come in pairs. */
const PAIR = 2 * PANEL;
/** Codes of the widest panel of floats. */
const MOST_PANEL = 12;

/** Features whose products are summed in 16 bits: more make their numbers smaller. */
const SEGMENT = 64;
/** Largest sum of a segment, less what the bias' digits are rounded by. */
const ROOM = 32600 - 100;
/** Length of codes in a segment beyond which rows would be left too small a part of `ROOM`. */
const SEGMENT_LENGTH = 200;

/** Features up to which every step counts: the digits are as few as can be. */
const FEW_FEATURES = 16;
/** Largest digit of a code's length. */
const LENGTH_DIGIT = 31;

/** How the features of a vector lie in steps and segments. */
interface Layout {
  /** Features of a step. */
  readonly values: number;
  readonly steps: number;
  readonly segmentSteps: number;
  readonly segments: number;
  /** Features that the first digit of the bias has. */
  readonly copies: number;
}

function layoutFor(dim: number, form: KernelForm): Layout {
  const values = form === "relaxed" ? 2 : 1;
  // One copy of the digit limits the scale; where a step more costs little there are more.
  const few = dim <= FEW_FEATURES;
  const least = few ? roundUp(Math.max(dim + 2, roundUp(dim, 4)), 2) : roundUp(dim + 3, 4);
  const steps = least / values;
  const wanted = Math.max(1, Math.ceil((dim - 4) / SEGMENT));
  const segmentSteps = roundUp(Math.ceil(steps / wanted), 4 / values);
  const segments = Math.ceil(steps / segmentSteps);
  return { values, steps, segmentSteps, segments, copies: least - dim - (few ? 1 : 2) };
}

/**
 * Whether the codes' lengths are in a range where bounds of the rounding hold: the squares of others
 * leave that of float32.
 */
export function inRange({ memory }: Pool, book: PackedCodebook): boolean {
  const fields = headerOf(memory, book.header);
  const [unit, maxNorm] = [fields.get("unit"), fields.get("maxNorm")];
  return Number.isFinite(unit) && maxNorm > 1e-12 && maxNorm < 1e12;
}

/** In place of integers where they are not faster: rows pass to float32. */
export function noIntegers({ memory }: Pool): Pick<FilterCodebook, "header" | "start" | "free"> {
  const scope = new Scope(memory);
  const header = scope.zeros(filterCodebookHeader.bytes);
  const fields = headerAt(memory, header, filterCodebookHeader);
  return {
    header,
    start: (coarse, tree) => fields.set({ hopeless: 1, rows: 0, spent: 0, coarse, tree }),
    free: () => scope.free(),
  };
}

/** Room for the integers of `book`; `update` brings them in. */
export async function createFilterCodebook(
  pool: Pool,
  book: PackedCodebook,
  form: KernelForm,
): Promise<FilterCodebook> {
  const kernels = await pool.load(searchKernels, form);
  return pool.memory.hold((scope) => filterIn(scope, pool, kernels, book, form));
}

function filterIn(
  scope: Scope,
  pool: Pool,
  { measureFilter, packFilter }: Record<"measureFilter" | "packFilter", Kernel>,
  book: PackedCodebook,
  form: KernelForm,
): FilterCodebook {
  const { memory } = pool;
  const { dim, size } = book;
  const { values, steps, segmentSteps, segments, copies } = layoutFor(dim, form);
  const shift = Math.ceil(Math.log2(segments));
  const panels = 2 * Math.ceil(size / PAIR);
  const header = scope.allocate(filterCodebookHeader.bytes);
  const fields = headerAt(memory, header, filterCodebookHeader);
  const packed = scope.allocate(2 * panels * steps * PANEL);
  const starts = scope.allocate(2 * panels * segments * PANEL);
  const measures = scope.allocate(4 * panels * (segments + 1));
  const rests = scope.allocate(4 * panels);
  const rooms = scope.allocate(16 * segments);
  fields.set({ panels, segments, shift, hopeless: 0, subspace: 0, steps, segmentSteps, copies });
  fields.set({ packed, starts, measures, rests, rooms });

  /** The number of `values` of each panel that `at` names, at its largest. */
  const largest = (at: number) => {
    const all = memory.f32(measures, panels * (segments + 1));
    let most = 0;
    for (let i = at; i < all.length; i += segments + 1) most = Math.max(most, all[i] as number);
    return most;
  };

  /** What codes are multiplied by, and how their biases are written in digits. */
  const chooseScales = (maxNorm: number) => {
    const lengths = Array.from({ length: segments }, (_, s) => Math.sqrt(largest(s + 1)));
    const most = values === 2 ? 127 : 8191;
    const scale = Math.min(most / largest(0), SEGMENT_LENGTH / Math.max(...lengths));
    const biases = memory.f32(headerOf(memory, book.header).get("bias"), size);
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const bias of biases) {
      low = Math.min(low, bias);
      high = Math.max(high, bias);
    }
    const digit = ((high - low) / 2 / DIGIT) * 1.000001;
    const weight = scale * digit;
    fields.set({ bias: (low + high) / 2, scale, digit, weight, unit: 1 / weight });
    const shares = memory.f64(rooms, 2 * segments);
    for (let s = 0; s < segments; s++) {
      const count = segmentSteps * values;
      // Rounding moves a number by a half at most, a row's as a code's.
      const slack = 0.5 * Math.sqrt(count);
      const length = (lengths[s] as number) * scale * 1.000001 + slack;
      const hasDigits = (s + 1) * count > dim;
      const forLength = hasDigits ? LENGTH_DIGIT * MOST_OF_LENGTH : 0;
      const room = ROOM - forLength - slack * length;
      const digits = hasDigits ? scale * digit * (DIGIT + 1) : 0;
      shares.set([length / room, digits / room], 2 * s);
    }
    return scale * maxNorm;
  };

  return {
    header,
    start: (coarse, tree) => fields.set({ hopeless: 0, rows: 0, spent: 0, coarse, tree }),
    seeThrough: (subspace) => fields.set({ subspace }),
    get hopeless() {
      return fields.get("hopeless") !== 0;
    },
    set hopeless(value) {
      fields.set({ hopeless: value ? 1 : 0 });
    },
    async update() {
      const maxNorm = headerOf(memory, book.header).get("maxNorm");
      const job = { rows: panels, chunkRows: 4, args: [book.header, header] };
      await pool.run(measureFilter, { ...job, work: 2 * size * dim });
      const length = chooseScales(maxNorm);
      const most = dim > FEW_FEATURES ? length + 0.5 * Math.sqrt(dim) : 0;
      fields.set({ lengthDigit: (most / LENGTH_DIGIT) * 1.000002 });
      await pool.run(packFilter, { ...job, work: 16 * size * dim });
      const rest = memory.f32(rests, panels).reduce((a, b) => Math.max(a, b), 0);
      fields.set({ rest, length: length + rest });
    },
    free: () => scope.free(),
  };
}

/** Scratch bytes of `nearestFiltered` for blocks of `blockRows`. */
export function filterScratch(dim: number, blockRows: number, form: KernelForm): number {
  const inFloats = blockRows * (8 * dim + 60) + 32;
  const onLattice = dim <= FEATURES ? ROUND_BYTES : 0;
  return 64 + 4 * blockRows + Math.max(groupScratch(dim, form), inFloats, onLattice);
}

/** Scratch bytes of `nearestTopKFiltered` for blocks of `blockRows`. */
export function topKFilterScratch(
  dim: number,
  blockRows: number,
  k: number,
  form: KernelForm,
): number {
  const inFloats = blockRows * (4 * dim + 8 * k) + topKScratch(dim, blockRows, k) + 32;
  return 96 + GROUP * WAITING + 4 * blockRows + Math.max(groupScratch(dim, form), inFloats);
}

/** Scratch bytes for the rows that are scanned at a time. */
function groupScratch(dim: number, form: KernelForm): number {
  const { steps } = layoutFor(dim, form);
  const axes = mostAxes(dim);
  // Of projections: lengths, the rows themselves and in tiles, and the projected rows twice.
  const projected = axes === 0 ? 0 : 4 + 8 * dim + 4 * axes + 4 * (axes + MOST_PANEL);
  const packed = 4 * Math.max(steps, axes) + 4;
  return GROUP * (ROW + LIST + 2 * WINDOW + WINDOW / 2 + packed + projected) + 256;
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
