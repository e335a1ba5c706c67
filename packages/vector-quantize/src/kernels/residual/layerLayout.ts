import { expected } from "../../errors.ts";
import { checkFloats, checkList } from "../arguments.ts";

/** What all codebooks of a residual search have in common with those that it was made for. */
export interface LayerLayout {
  readonly lengths: readonly number[];
  /** The first layer that each layer shares its codebook with. */
  readonly shared: readonly number[];
}

export function layoutOf(codebooks: readonly Float32Array[]): LayerLayout {
  return {
    lengths: codebooks.map(({ length }) => length),
    shared: codebooks.map((codebook) => codebooks.indexOf(codebook)),
  };
}

/** Throws unless the codebooks have this layout. */
export function checkLayers(codebooks: readonly Float32Array[], layout: LayerLayout): void {
  checkList("set: codebooks", codebooks);
  for (const [q, length] of layout.lengths.entries()) {
    const given = codebooks[q];
    checkFloats(`set: codebooks[${q}]`, given);
    if (given.length !== length) {
      throw expected(`set: codebooks[${q}]`, `${length} numbers`, given.length);
    }
    const shared = layout.shared[q] as number;
    if (given !== codebooks[shared]) {
      throw expected(`set: codebooks[${q}]`, `the array of layer ${shared}`, "another array");
    }
  }
}
