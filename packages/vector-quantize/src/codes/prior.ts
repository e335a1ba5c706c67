import { expected, VectorQuantizeError } from "../errors.ts";
import type { CodeLayer } from "./layers.ts";
import type { PrimedLayer } from "./segment.ts";
import type { VqHeader } from "./vqHeader.ts";

/** What the coder has learned from other codes of a model. Made by `trainPrior`, read by `openPrior`. */
export interface VqPrior {
  /** What files that were written with it call it: 16 hexadecimal digits. */
  readonly name: string;
  /** What to store, and to open again by `openPrior`: a `.vq` file of the codes that it has learned from. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly header: VqHeader;
  /**
   * How a layer's codes are told; made when it is first asked for. Undefined where nothing was learned.
   *
   * @internal
   */
  primed(layer: number): PrimedLayer | undefined;
}

/** Throws unless a prior is of codes of these layers. */
export function checkPrior(where: string, prior: VqPrior, layers: readonly CodeLayer[]): void {
  if (typeof prior?.primed !== "function") {
    throw expected(`${where}: prior`, "one that trainPrior or openPrior gave", prior);
  }
  const words = (all: readonly CodeLayer[]) =>
    all.map(({ size, levels, order }) => `${size}/${levels ?? ""}/${order ?? ""}`).join(" ");
  const own = prior.header.layers;
  if (words(own) === words(layers)) return;
  const sizes = (all: readonly CodeLayer[]) => `[${all.map(({ size }) => size).join(", ")}]`;
  const other = sizes(own) === sizes(layers) ? " in another order" : "";
  throw new VectorQuantizeError(
    `${where}: prior: expected one of layers of ${sizes(layers)} codes, got ${sizes(own)}${other}`,
  );
}
