import { checkBytes, expected, VectorQuantizeError } from "../errors.ts";
import { ByteReader } from "./bytes.ts";
import { primedBytes } from "./codeLayer.ts";
import { mostFrame, parseFrame, parseHead } from "./group.ts";
import { checkGroupMemory, decodeGroup } from "./groupCodes.ts";
import { headerBegin, headerLength, parseHeader } from "./header.ts";
import { readyLayers } from "./layers.ts";
import type { VqPrior } from "./prior.ts";
import { type PrimedLayer, primedBy, symbolsOf } from "./segment.ts";

/*
 * A prior: what the coder has learned from codes of a model, so that it need not learn that anew from
 * every file. It is kept as these codes, a `.vq` file of one group: they are far smaller than the
 * tables that are made of them.
 */

/** How a prior is read. */
export interface PriorOptions {
  /** What errors call it: usually its file's name. Default "prior". */
  readonly where?: string;
  /** The order of each layer's codes, for a prior that was made with `storeOrders: false`. */
  readonly orders?: readonly (Uint32Array | undefined)[];
  /** Most bytes of memory that it may take, with the tables that are made of it. Default 2^30. */
  readonly maxMemory?: number;
}

/**
 * Opens what `trainPrior` made. Its tables are made when they are first needed: some 1.3 s and up to
 * 130 MB for one layer of 2^18 codes.
 *
 * @throws VectorQuantizeError for what is no prior, or a damaged one.
 */
export function openPrior(
  bytes: Uint8Array,
  { where = "prior", orders, maxMemory = 2 ** 30 }: PriorOptions = {},
): VqPrior {
  checkBytes(where, bytes);
  const own = Uint8Array.from(bytes);
  const from = new ByteReader(own, where);
  const start = from.raw(Math.min(headerBegin, own.length));
  const body = from.raw(headerLength(where, start));
  const header = parseHeader(where, start, body, orders && { orders });
  const layers = readyLayers(header.layers);
  const begin = from.at;
  const frame = parseFrame(where, own.subarray(begin, begin + mostFrame));
  if (frame === undefined) throw notOne(where, "none");
  const limits = { layers: layers.length, maxMemory };
  const head = parseHead(where, from.raw(frame.begin), frame, limits);
  const group = from.raw(frame.length - frame.begin);
  if (own[from.at] !== 0) throw notOne(where, "several");
  checkGroupMemory(where, head, layers, maxMemory);
  const tables = layers.reduce(
    (sum, { size, levels = [size] }) => sum + primedBytes(head.positions, levels),
    0,
  );
  if (tables > maxMemory) {
    const mend = "Raise maxMemory if that is meant";
    throw expected(where, `at most ${maxMemory} bytes of memory`, tables, mend);
  }
  const grids = head.pictures.map(({ shape }) => shape);
  const columns = decodeGroup(where, head, group, layers);
  const symbols = columns.map((codes, q) => symbolsOf(layers[q]!, codes));
  const parts = new ByteReader(group, where);
  const segments = head.segments.map(({ length }) => parts.raw(length));
  const made = new Map<number, PrimedLayer | undefined>();
  return {
    name: [start.subarray(12), own.subarray(begin + frame.begin - 4)].map(digits).join(""),
    bytes: own,
    header,
    primed(q) {
      if (!made.has(q)) {
        const earlier = symbols.slice(Math.max(0, q - 2), q).reverse();
        made.set(q, primedBy(segments[q]!, layers[q]!, grids, symbols[q]!, earlier));
      }
      return made.get(q);
    },
  };
}

const notOne = (where: string, got: string) =>
  new VectorQuantizeError(`${where}: expected one group of codes, as trainPrior makes, got ${got}`);

/** A checksum as it is written: those of header and head tell of all that is in a prior. */
function digits(checksum: Uint8Array): string {
  return new ByteReader(checksum, "prior").uint32().toString(16).padStart(8, "0");
}
