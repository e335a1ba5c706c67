import { checkChoice, checkInteger, expected } from "../../errors.ts";
import { checkFloats, checkKernelOptions } from "../arguments.ts";
import { partCoderHeader } from "../engine/binaries/headers.ts";
import { scanKernels } from "../engine/binaries/scan.ts";
import { headerAt } from "../engine/header.ts";
import type { Scope } from "../engine/memory.ts";
import type { Pool } from "../engine/pool.ts";
import { createSearch } from "../search/createSearch.ts";
import { type CodeLayout, nibbleOf, partLayout } from "./codeLayout.ts";
import {
  type CodeMetric,
  type CodeQuantizer,
  metricNumbers,
  type ScanCoder,
} from "./codeQuantizer.ts";
import { preparePartsReference } from "./productCodes.reference.ts";
import { partOfVectors } from "./productParts.ts";
import { rotateVectors, wideMatrix } from "./rotateVectors.ts";
import { checkUsable } from "./vectors.ts";

const MOST_FEATURES = 65536;
/** Vectors that are cut into parts at a time. */
const ROWS = 8192;

/** Options of `productCodes`. */
export interface ProductCodesOptions {
  /** Features of a vector, D. */
  readonly dim: number;
  /** Parts that a vector is cut into, M; they divide D. */
  readonly parts: number;
  /** The codebook of each part, `[M, K, D / M]`; of 16 codes at most: half a byte a part, of 256: a byte. */
  readonly codebooks: Float32Array;
  /** What vectors are multiplied by before: `x R`, with R `[D, D]` orthogonal. Default: nothing. */
  readonly rotation?: Float32Array;
  /** What is near. Default "euclidean". */
  readonly metric?: CodeMetric;
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
}

/**
 * Product codes: the nearest code of each part of a vector, by codebooks that are trained already, such as those of
 * `productVQ`.
 *
 * ```ts
 * import { productCodes } from "vector-quantize/search";
 *
 * const codebooks = Float32Array.of(0, 1, 0, 1); // 2 parts, 2 codes each, of 1 number
 * const quantizer = productCodes({ dim: 2, parts: 2, codebooks });
 * await quantizer.encode(Float32Array.of(0.9, 0.2)); // one byte: 1 and, above it, 0
 * ```
 *
 * @throws VectorQuantizeError for an option out of its bounds
 *
 * Source: Jegou et al., "Product quantization for nearest neighbor search", 2011; of the scan of nibbles, Andre et al.,
 * https://arxiv.org/abs/1704.07355.
 */
export function productCodes(options: ProductCodesOptions): CodeQuantizer {
  const known = ["dim", "parts", "codebooks", "rotation", "metric", "pool"];
  checkKernelOptions("productCodes", options, known);
  const { dim, parts, codebooks, rotation, metric = "euclidean", pool } = options;
  checkInteger("productCodes: dim", dim, 1, MOST_FEATURES);
  checkInteger("productCodes: parts", parts);
  if (dim % parts !== 0) throw expected("productCodes: parts", `a divisor of dim ${dim}`, parts);
  checkChoice("productCodes: metric", metric, ["euclidean", "dot", "cosine"]);
  checkFloats("productCodes: codebooks", codebooks);
  const size = codebooks.length / dim;
  if (!Number.isInteger(size) || size < 1 || size > 256) {
    const what = `${parts} x K x ${dim / parts} numbers, K 1 to 256`;
    throw expected("productCodes: codebooks", what, codebooks.length);
  }
  checkUsable("productCodes: codebooks", codebooks, dim);
  if (rotation !== undefined) {
    checkFloats("productCodes: rotation", rotation);
    if (rotation.length !== dim ** 2) {
      throw expected("productCodes: rotation", `${dim} x ${dim} numbers`, rotation.length);
    }
    checkUsable("productCodes: rotation", rotation, dim);
  }
  const own = rotation && { rotation: rotation.slice() };
  return new PartQuantizer({ dim, parts, metric, codebooks: codebooks.slice(), ...own }, pool);
}

/** What a quantizer of product codes is made of. */
export interface PartSettings {
  readonly dim: number;
  readonly parts: number;
  readonly metric: CodeMetric;
  readonly codebooks: Float32Array;
  readonly rotation?: Float32Array;
}

/** The quantizer of `productCodes`. */
export class PartQuantizer implements ScanCoder {
  readonly type = "product";
  readonly dim: number;
  readonly bytes: number;
  readonly metric: CodeMetric;
  readonly layout: CodeLayout;
  readonly settings: PartSettings;
  /** `[places, width, 16 or 256]`: the codebooks as the kernels read them. */
  readonly books: Float32Array;
  readonly #pool: Pool | undefined;

  constructor(settings: PartSettings, pool: Pool | undefined) {
    const { dim, parts, metric, codebooks } = settings;
    const size = codebooks.length / dim;
    this.dim = dim;
    this.metric = metric;
    this.settings = settings;
    this.layout = partLayout(parts, size, orderOf(settings, size));
    this.bytes = this.layout.rowBytes;
    this.books = booksOf(settings, this.layout);
    this.#pool = pool;
  }

  get saved() {
    const { dim, parts, metric, codebooks, rotation } = this.settings;
    const arrays = { codebooks, ...(rotation && { rotation }) };
    return { settings: { type: this.type, dim, parts, metric }, arrays };
  }

  encodeIn(vectors: Float32Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.encode(vectors);
  }

  async encode(vectors: Float32Array): Promise<Uint8Array<ArrayBuffer>> {
    const { dim, parts, codebooks } = this.settings;
    const rows = checkUsable("encode", vectors, dim);
    const unit = this.metric === "cosine";
    const { rotation } = this.settings;
    const turned = await rotateVectors(vectors, rotation, { dim, unit, pool: this.#pool });
    const codes = new Uint8Array(rows * this.bytes);
    const width = dim / parts;
    const length = codebooks.length / parts;
    for (let part = 0; part < parts; part++) {
      const book = codebooks.subarray(part * length, (part + 1) * length);
      const search = await createSearch(book, { dim: width, ...this.#where });
      try {
        for (let first = 0; first < rows; first += ROWS) {
          const count = Math.min(ROWS, rows - first);
          const own = turned.subarray(first * dim, (first + count) * dim);
          const x = partOfVectors(own, dim, width, part);
          const { indices } = await search.nearest(x);
          for (let n = 0; n < count; n++) this.#put(codes, first + n, part, indices[n]!);
        }
      } finally {
        search.dispose();
      }
    }
    return codes;
  }

  #put(codes: Uint8Array, row: number, part: number, index: number): void {
    const at = row * this.bytes;
    if (this.layout.kind === "bytes") codes[at + part] = index;
    else codes[at + (part >> 1)]! |= index << (4 * (part & 1));
  }

  get #where() {
    return this.#pool && { pool: this.#pool };
  }

  place(pool: Pool, scope: Scope): number {
    const { dim, parts, metric, rotation } = this.settings;
    const { kind, fours, order } = this.layout;
    const at = scope.allocate(partCoderHeader.bytes);
    const values = {
      dim,
      width: dim / parts,
      size: kind === "nibbles" ? 16 : 256,
      fours,
      metric: metricNumbers[metric],
      books: scope.copyOf(this.books),
      order: scope.copyOf(order),
      matrix: rotation === undefined ? 0 : scope.copyOf(wideMatrix(rotation, dim)),
    };
    headerAt(pool.memory, at, partCoderHeader).set(values);
    return at;
  }

  async preparer(pool: Pool) {
    const { prepareParts } = await pool.load(scanKernels, pool.form);
    return { kernel: prepareParts, scratch: 8 * (this.dim + 32) };
  }

  tables(query: Float32Array) {
    return preparePartsReference(this, query);
  }

  base(): number {
    return 0;
  }

  checkCode(where: string, code: Uint8Array): void {
    const { kind, codebookSize, order } = this.layout;
    for (let place = 0; place < order.length; place++) {
      const part = order[place]!;
      if (part < 0) continue;
      const index = kind === "bytes" ? code[part]! : nibbleOf(code, part);
      if (index < codebookSize) continue;
      throw expected(`${where}, part ${part}`, `0 ... ${codebookSize - 1}`, index);
    }
  }
}

/**
 * The parts in the order in which they lie in a block. The tables of each four share 251 levels, so parts
 * whose codes are far apart are mixed with such as are near each other.
 */
function orderOf({ dim, parts, codebooks }: PartSettings, size: number): Int32Array {
  const fours = Math.ceil(parts / 4);
  const order = new Int32Array(4 * fours).fill(-1);
  if (size > 16) return order.map((_, i) => (i < parts ? i : -1));
  const width = dim / parts;
  const spread = Array.from({ length: parts }, (_, part) => {
    const book = codebooks.subarray(part * size * width, (part + 1) * size * width);
    return varianceOf(book, width);
  });
  const bySpread = spread.map((_, part) => part).sort((a, b) => spread[b]! - spread[a]! || a - b);
  for (const [i, part] of bySpread.entries()) {
    const [round, at] = [Math.floor(i / fours), i % fours];
    order[4 * (round % 2 === 0 ? at : fours - 1 - at) + round] = part;
  }
  return order;
}

/** How far the codes of a book are from their mean, squared. */
function varianceOf(book: Float32Array, width: number): number {
  const size = book.length / width;
  let variance = 0;
  for (let i = 0; i < width; i++) {
    let [sum, squares] = [0, 0];
    for (let at = i; at < book.length; at += width) {
      sum += book[at]!;
      squares += book[at]! ** 2;
    }
    variance += squares / size - (sum / size) ** 2;
  }
  return variance;
}

/** Codebooks by place, number by number, filled up with copies of their first codes. */
function booksOf({ dim, parts, codebooks }: PartSettings, layout: CodeLayout): Float32Array {
  const { order, kind, codebookSize } = layout;
  const width = dim / parts;
  const full = kind === "nibbles" ? 16 : 256;
  const books = new Float32Array(order.length * width * full);
  for (const [place, part] of order.entries()) {
    if (part < 0) continue;
    for (let code = 0; code < full; code++) {
      const from = (part * codebookSize + (code < codebookSize ? code : 0)) * width;
      for (let i = 0; i < width; i++) {
        books[(place * width + i) * full + code] = codebooks[from + i]!;
      }
    }
  }
  return books;
}
