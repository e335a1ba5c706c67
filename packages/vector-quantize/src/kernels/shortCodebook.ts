import { packShortBinary } from "./binaries/packShort.wasm.ts";
import type { KernelForm } from "./binary.ts";
import type { PackedCodebook } from "./codebook.ts";
import type { Pool } from "./pool.ts";

/** A packed codebook in 16-bit integers, for `nearestShort`. */
export interface ShortCodebook {
  /** Address of the header that kernels take, or 0: search these codes in float32. */
  readonly address: number;
  /** Takes over the codes of the packed codebook. Call it inside `pool.exclusive` after its `set`. */
  update(): Promise<void>;
  free(): void;
}

const HEADER_BYTES = 40;
const PANEL = 8;
/** Length of the longest code in integers, as in `assembly/shared/short.ts`. */
const LENGTH = 32700;

/** In place of integers where they are not faster. */
export const noShortCodebook: ShortCodebook = {
  address: 0,
  update: async () => {},
  free: () => {},
};

/** Room for the integers of `book`; `update` brings them in. */
export async function createShortCodebook(
  pool: Pool,
  book: PackedCodebook,
  form: KernelForm,
): Promise<ShortCodebook> {
  const { memory } = pool;
  const { packShort } = await pool.load(packShortBinary, form);
  const { dim, size } = book;
  const pairs = Math.ceil(dim / 2);
  const panels = Math.ceil(size / PANEL);
  const header = memory.allocate(HEADER_BYTES);
  const packed = memory.allocate(4 * panels * pairs * PANEL);
  const bias = memory.allocate(4 * panels * PANEL);
  const rests = memory.allocate(4 * panels * PANEL);
  memory.i32(header, 5).set([pairs, panels, packed, bias, rests]);
  let usable = false;

  return {
    get address() {
      return usable ? header : 0;
    },
    async update() {
      const longest = memory.f64(book.header + 40, 3)[2] as number;
      // Otherwise squares leave the range of float32, and no bound of the rounding holds.
      usable = longest > 1e-12 && longest < 1e12;
      if (!usable) return;
      memory.f64(header + 24, 2).set([0, LENGTH / longest]);
      const work = 16 * size * dim;
      const args = [book.header, header];
      await pool.run(packShort, { rows: panels, chunkRows: 16, work, args });
      const rest = memory.f32(rests, size).reduce((a, b) => Math.max(a, b), 0);
      memory.f64(header + 24, 1)[0] = rest;
    },
    free() {
      for (const start of [header, packed, bias, rests]) memory.free(start);
    },
  };
}

/** Scratch bytes of `nearestShort` for blocks of `blockRows`. */
export function shortScratch(dim: number, blockRows: number): number {
  return 24 * (2 * dim + 62) + blockRows * (8 * dim + 56) + 64;
}
