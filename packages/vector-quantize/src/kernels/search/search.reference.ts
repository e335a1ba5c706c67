import { expected } from "../../errors.ts";
import { countRows, invalidRow, refuseNumbers } from "../invalid.ts";
import { marginsOf } from "./margins.ts";
import { nearestReference } from "./nearest.reference.ts";
import { checkFinite, type KernelMetric } from "./packedCodebook.ts";
import type { Nearest, Search } from "./search.ts";
import { checkCodebook, checkTopK, type SearchSettings } from "./searchSettings.ts";

/** A search without kernels, for engines that lack WebAssembly or its SIMD. Slow. */
export class ReferenceSearch implements Search {
  readonly dim: number;
  readonly size: number;
  readonly metric: KernelMetric;
  readonly #throws: boolean;
  readonly #limit: number;
  #codebook: Float32Array | undefined;

  constructor(codebook: Float32Array, { dim, size, metric, throws, limit }: SearchSettings) {
    checkFinite(codebook, dim);
    this.dim = dim;
    this.size = size;
    this.metric = metric;
    this.#throws = throws;
    this.#limit = limit;
    this.#codebook = codebook.slice();
  }

  async nearest(vectors: Float32Array): Promise<Nearest> {
    return this.#search("nearest", vectors, 1);
  }

  async nearestTopK(vectors: Float32Array, k: number): Promise<Nearest> {
    checkTopK(k, this.size);
    return this.#search("nearestTopK", vectors, k);
  }

  async verify(vectors: Float32Array, indices: Int32Array): Promise<Float64Array<ArrayBuffer>> {
    return marginsOf(vectors, indices, this.#codes().slice(), this);
  }

  async setCodebook(codebook: Float32Array): Promise<void> {
    checkCodebook(codebook, { dim: this.dim, size: this.size });
    checkFinite(codebook, this.dim);
    this.#codes().set(codebook);
  }

  dispose(): void {
    this.#codebook = undefined;
  }

  #codes(): Float32Array {
    if (this.#codebook !== undefined) return this.#codebook;
    throw expected("search", "one that is in use", "one that was disposed of");
  }

  #search(where: string, vectors: Float32Array, k: number): Nearest {
    const codes = this.#codes();
    const rows = countRows(where, vectors, this.dim);
    const found = nearestReference(
      refuseNumbers(vectors, this.#limit),
      codes,
      this.dim,
      this.metric,
      k,
    );
    let invalidRows = 0;
    for (let row = 0; row < rows; row++) if (found.indices[row * k] === -1) invalidRows++;
    if (invalidRows > 0 && this.#throws) {
      throw invalidRow(where, vectors, this.dim, found.indices.indexOf(-1) / k, this.#limit);
    }
    return { ...found, invalidRows };
  }
}
