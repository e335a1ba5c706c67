import { expected } from "../../errors.ts";
import { countRows, invalidRow, refuseNumbers } from "../invalid.ts";
import { checkFinite } from "../search/packedCodebook.ts";
import { checkLayers, type LayerLayout, layoutOf } from "./layerLayout.ts";
import { residualNearestReference } from "./residualNearest.reference.ts";
import type { ResidualIndices, ResidualSearch, ResidualSettings } from "./residualSearch.ts";

/** A residual search without kernels, for engines that lack WebAssembly or its SIMD. Slow. */
export class ReferenceResidualSearch implements ResidualSearch {
  readonly layers: number;
  readonly #settings: ResidualSettings;
  readonly #layout: LayerLayout;
  #codebooks: readonly Float32Array[] | undefined;

  constructor(codebooks: readonly Float32Array[], settings: ResidualSettings) {
    for (const codebook of codebooks) checkFinite(codebook, settings.dim);
    this.layers = codebooks.length;
    this.#settings = settings;
    this.#layout = layoutOf(codebooks);
    this.#codebooks = codebooks.map((codebook) => codebook.slice());
  }

  async set(codebooks: readonly Float32Array[]): Promise<void> {
    checkLayers(codebooks, this.#layout);
    for (const codebook of codebooks) checkFinite(codebook, this.#settings.dim);
    this.#codebooks = codebooks.map((codebook) => codebook.slice());
  }

  async nearest(vectors: Float32Array): Promise<ResidualIndices> {
    const { dim, beam, weights, carry, throws, limit } = this.#settings;
    if (this.#codebooks === undefined) {
      throw expected("search", "one that is in use", "one that was disposed of");
    }
    const rows = countRows("nearest", vectors, dim);
    const bad: number[] = [];
    const finite = refuseNumbers(vectors, limit).slice();
    for (let n = 0; n < rows; n++) {
      const row = finite.subarray(n * dim, (n + 1) * dim);
      if (row.every(Number.isFinite)) continue;
      if (throws) throw invalidRow("nearest", vectors, dim, n, limit);
      bad.push(n);
      row.fill(0);
    }
    const score = { weights, carry };
    const indices = residualNearestReference(finite, this.#codebooks, dim, beam, score);
    for (const n of bad) indices.fill(-1, n * this.layers, (n + 1) * this.layers);
    return { indices, invalidRows: bad.length };
  }

  dispose(): void {
    this.#codebooks = undefined;
  }
}
