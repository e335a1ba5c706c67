import { checkChoice, checkInteger, expected } from "../../errors.ts";
import { checkFloats, checkKernelOptions } from "../arguments.ts";
import { signCoderHeader } from "../engine/binaries/headers.ts";
import { scanKernels } from "../engine/binaries/scan.ts";
import { defaultPool } from "../engine/createPool.ts";
import { headerAt } from "../engine/header.ts";
import { supports } from "../engine/kernelModule.ts";
import type { Scope } from "../engine/memory.ts";
import { runInParts } from "../engine/parts.ts";
import type { Pool } from "../engine/pool.ts";
import { type CodeLayout, signLayout } from "./codeLayout.ts";
import {
  type CodeMetric,
  type CodeQuantizer,
  metricNumbers,
  type ScanCoder,
} from "./codeQuantizer.ts";
import { type CodeEstimates, estimate } from "./estimate.ts";
import { type KacRotation, kacRotation, rotated } from "./kacRotation.ts";
import { prepareSignsReference, signCodesReference } from "./rabitq.reference.ts";
import { type SignParts, type SignSettings, spreads, type TurnedCenters } from "./signParts.ts";
import { checkUsable } from "./vectors.ts";

const MOST_FEATURES = 65536;
const MOST_BITS = 8;

/** Options of `rabitq`. */
export interface RabitqOptions {
  /** Features of a vector, D. */
  readonly dim: number;
  /** Bits of each number, 1 to 8. Default 1. */
  readonly bits?: number;
  /** What is near. Default "euclidean". */
  readonly metric?: CodeMetric;
  /**
   * What vectors are less of before they are coded, `[D]`; of cosine codes, vectors of length 1. Estimates are the
   * better the nearer it is to them: take `meanVector` of some. Default: zeros.
   */
  readonly center?: Float32Array;
  /** Draws the rotation. Default 0. */
  readonly seed?: number;
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
}

/** RaBitQ codes, which need no training. */
export interface RabitqQuantizer extends CodeQuantizer {
  readonly type: "rabitq";
  readonly bits: number;
  /**
   * What codes tell about the distances of their vectors from a query, in float64.
   *
   * @param codes `[N, bytes]`
   * @param query `[D]`
   */
  estimate(codes: Uint8Array, query: Float32Array): CodeEstimates;
}

/**
 * RaBitQ: codes of one bit or some bits a number that need no training.
 *
 * A vector x less the center c is turned at random: `o = R (x - c)`. Its code u are the signs of o, or levels of
 * `bits` bits, and `<o, q> ~ <u, q> |o|^2 / <u, o>` is an unbiased estimate for every q, of an error that falls with
 * the root of D. A code has D/8 bytes a bit, filled up to a multiple of 16 features, and 8 bytes of float
 * factors; with several bits 16.
 *
 * ```ts
 * import { createCodeSearch, meanVector, rabitq } from "vector-quantize/search";
 *
 * const vectors = Float32Array.from({ length: 1000 * 64 }, (_, i) => Math.sin(i * i));
 * const quantizer = rabitq({ dim: 64, center: meanVector(vectors, 64) });
 * const codes = await quantizer.encode(vectors); // 16 bytes each
 * const search = await createCodeSearch(codes, quantizer);
 * const { ids } = await search.nearest(vectors.subarray(0, 64), { k: 3 }); // of row 0: 0, ...
 * search.dispose();
 * ```
 *
 * @throws VectorQuantizeError for an option out of its bounds
 *
 * Source: Gao and Long, "RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error Bound for
 * Approximate Nearest Neighbor Search", https://arxiv.org/abs/2405.12497; of several bits, Gao et al.,
 * https://arxiv.org/abs/2409.09913.
 */
export function rabitq(options: RabitqOptions): RabitqQuantizer {
  checkKernelOptions("rabitq", options, ["dim", "bits", "metric", "center", "seed", "pool"]);
  const { dim, bits = 1, metric = "euclidean", seed = 0, pool } = options;
  checkInteger("rabitq: dim", dim, 1, MOST_FEATURES);
  checkInteger("rabitq: bits", bits, 1, MOST_BITS);
  checkChoice("rabitq: metric", metric, ["euclidean", "dot", "cosine"]);
  checkInteger("rabitq: seed", seed, 0, 2 ** 32 - 1);
  const center = options.center ?? new Float32Array(dim);
  checkFloats("rabitq: center", center);
  if (center.length !== dim) throw expected("rabitq: center", `${dim} numbers`, center.length);
  checkUsable("rabitq: center", center, dim);
  return new SignQuantizer({ dim, bits, metric, seed, center: center.slice() }, pool);
}

/** The quantizer of `rabitq`. */
export class SignQuantizer implements RabitqQuantizer, ScanCoder, SignParts {
  readonly type = "rabitq";
  readonly dim: number;
  readonly bits: number;
  readonly bytes: number;
  readonly metric: CodeMetric;
  readonly layout: CodeLayout;
  readonly settings: SignSettings;
  readonly rotation: KacRotation;
  readonly #pool: Pool | undefined;

  constructor(settings: SignSettings, pool: Pool | undefined) {
    const { dim, bits, metric, seed } = settings;
    this.dim = dim;
    this.bits = bits;
    this.metric = metric;
    this.settings = settings;
    this.rotation = kacRotation(dim, seed);
    this.layout = signLayout(this.rotation.padded, bits);
    this.bytes = this.layout.rowBytes;
    this.#pool = pool;
  }

  get saved() {
    const { dim, bits, metric, seed, center } = this.settings;
    return { settings: { type: this.type, dim, bits, metric, seed }, arrays: { center } };
  }

  encode(vectors: Float32Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.#encode("encode", vectors, undefined, this.settings.center);
  }

  encodeIn(vectors: Float32Array, cells: Int32Array, centroids: Float32Array) {
    return this.#encode("encode", vectors, cells, centroids);
  }

  estimate(codes: Uint8Array, query: Float32Array): CodeEstimates {
    return estimate(this, codes, query);
  }

  async #encode(
    where: string,
    vectors: Float32Array,
    cells: Int32Array | undefined,
    centroids: Float32Array,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const rows = checkUsable(where, vectors, this.dim);
    const codes = new Uint8Array(rows * this.bytes);
    const centers = this.#turn(centroids);
    if (!supports("plain")) {
      signCodesReference(this, centers, vectors, cells, codes);
      return codes;
    }
    const pool = this.#pool ?? defaultPool();
    await pool.exclusive(async (scope) => {
      const { encodeSigns } = await pool.load(scanKernels, pool.form);
      const coder = this.#placeWith(pool, scope, centers);
      const numbers = cells === undefined ? 0 : scope.copyOf(cells);
      let first = 0;
      await runInParts(
        pool,
        scope,
        encodeSigns,
        { rows, from: vectors, to: [codes] },
        (n, x, to) => {
          const own = numbers === 0 ? 0 : numbers + 4 * first;
          first += n;
          return {
            chunkRows: 64,
            work: 100 * n * this.rotation.padded,
            scratch: 4 * this.rotation.padded,
            args: [coder, x, own, to as number],
          };
        },
      );
    });
    return codes;
  }

  /** Centers, rotated: less the center that all have, and as they are. */
  #turn(centroids: Float32Array): TurnedCenters {
    const { dim, rotation } = this;
    const { center } = this.settings;
    const { padded } = rotation;
    const count = centroids.length / dim;
    const shifted = new Float32Array(count * padded);
    const turned = new Float32Array(count * padded);
    for (let c = 0; c < count; c++) {
      const own = centroids.subarray(c * dim, (c + 1) * dim);
      shifted.set(
        rotated(
          own.map((value, i) => value - center[i]!),
          rotation,
        ),
        c * padded,
      );
      turned.set(rotated(own, rotation), c * padded);
    }
    return { shifted, turned };
  }

  place(pool: Pool, scope: Scope): number {
    return this.#placeWith(pool, scope, {
      shifted: new Float32Array(0),
      turned: new Float32Array(0),
    });
  }

  #placeWith(pool: Pool, scope: Scope, { shifted, turned }: TurnedCenters): number {
    const { dim, bits, metric, bytes, rotation } = this;
    const at = scope.allocate(signCoderHeader.bytes);
    const values = {
      dim,
      bits,
      padded: rotation.padded,
      metric: metricNumbers[metric],
      center: scope.copyOf(this.settings.center),
      signs: scope.copyOf(rotation.signs),
      shifted: scope.copyOf(shifted),
      turned: scope.copyOf(turned),
      rowBytes: bytes,
      spread: spreads[bits - 1] as number,
    };
    headerAt(pool.memory, at, signCoderHeader).set(values);
    return at;
  }

  async preparer(pool: Pool) {
    const { prepareSigns } = await pool.load(scanKernels, pool.form);
    return { kernel: prepareSigns, scratch: 4 * this.rotation.padded };
  }

  tables(query: Float32Array) {
    return prepareSignsReference(this, query);
  }

  base(query: Float32Array): number {
    const { center } = this.settings;
    let sum = 0;
    for (let i = 0; i < query.length; i++) {
      if (this.metric === "dot") sum -= query[i]! * center[i]!;
      else sum += (query[i]! - center[i]!) ** 2;
    }
    return (this.metric === "cosine" ? sum / 2 : sum) + 0; // never -0
  }

  checkCode(where: string, code: Uint8Array): void {
    const floats = new DataView(code.buffer, code.byteOffset, code.length);
    for (let at = this.bits * (this.rotation.padded / 8); at < code.length; at += 4) {
      const factor = floats.getFloat32(at, true);
      if (Number.isFinite(factor)) continue;
      throw expected(where, "finite factors", factor, "These are no codes of this quantizer");
    }
  }
}
