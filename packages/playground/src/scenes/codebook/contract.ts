import type { Cells } from "../../plane/cells.ts";
import type { Shape } from "../../plane/plane.ts";

/** Where the codes begin: as `init` puts them, by k-means, or all among a few points. */
export type Start = "init" | "corner" | "kmeans";

export interface CodebookSettings {
  readonly shape: Shape;
  readonly drawn: string;
  readonly seed: number;
  readonly start: Start;
  readonly quantizer: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The codes of one layer: where they stand, after the layers before, and how many points use each. */
export interface LayerCodes {
  readonly at: Float32Array<ArrayBuffer>;
  /** For layers after the first: where the codes stand that they go on from. */
  readonly from: Float32Array<ArrayBuffer>;
  readonly first: Uint16Array<ArrayBuffer>;
  readonly uses: Uint32Array<ArrayBuffer>;
}

export interface CodebookSnapshot {
  readonly points: Float32Array<ArrayBuffer>;
  readonly pointCodes: { readonly first: Uint16Array; readonly within: Uint32Array };
  readonly cells: Cells;
  readonly layers: readonly LayerCodes[];
  /** New rows of the chart: step, mean squared distance, codes in use of the first layer. */
  readonly rows: readonly (readonly [step: number, error: number, perplexity: number])[];
  readonly codes: number;
  readonly used: number;
}
