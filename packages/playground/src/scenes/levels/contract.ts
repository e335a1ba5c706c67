import type { Cells } from "../../plane/cells.ts";
import type { Shape } from "../../plane/plane.ts";

/** The ways to bound of `residualFSQ`, in the order of the page. */
export const ways = ["softClamp", "bound", "boundNormalized", "none"] as const;
export type Way = (typeof ways)[number];

/** Most layers that are shown. */
export const mostShownLayers = 4;

export interface LevelsSettings {
  readonly view: "fsq" | "residual";
  readonly shape: Shape;
  readonly drawn: string;
  readonly seed: number;
  /** By what the points are multiplied. */
  readonly spread: number;
  /** Layers shown, 1 to `mostShownLayers`; of fsq there is one. */
  readonly layers: number;
  /** Options of `fsq`; its levels are those of every layer of `residualFSQ`. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** What one quantizer does to the points and to a line of numbers. */
export interface Quantizing {
  readonly way: Way | "fsq";
  /** Lowest and highest value of the output, on both axes. */
  readonly range: readonly [low: number, high: number];
  /** The points as the layers get them, bounded. */
  readonly bounded: Float32Array<ArrayBuffer>;
  /** What comes out, of the layers that are shown. */
  readonly output: Float32Array<ArrayBuffer>;
  readonly firstCode: Uint16Array;
  /** Every code of the first layer. */
  readonly grid: Float32Array<ArrayBuffer>;
  /** Along the first axis: what goes in, its bound, what comes out. */
  readonly line: {
    readonly input: Float32Array<ArrayBuffer>;
    readonly bounded: Float32Array<ArrayBuffer>;
    readonly output: Float32Array<ArrayBuffer>;
  };
  /** After one layer, two and so on: rms of what is missing, as a share of the bounded points' rms. */
  readonly errors: readonly number[];
}

export interface LevelsSnapshot {
  readonly points: Float32Array<ArrayBuffer>;
  /** Spread in this moment: it swings as the scene plays. */
  readonly spread: number;
  /** Cells of `fsq` in the plane of its inputs. */
  readonly cells?: Cells;
  readonly found: readonly Quantizing[];
}
