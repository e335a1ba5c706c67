import { numpy as np } from "@jax-js/jax";
import type { Quantizer } from "vector-quantize";

/** Codes on the host, `[N, layers]`. */
export interface HostIndices {
  readonly layers: number;
  readonly codes: Int32Array<ArrayBuffer>;
}

/** What may lie behind indices that are more than one to a vector. */
interface Composed {
  /** Quantizers side by side, each with an axis of the plane: indices `[G, N, Q]`. */
  readonly groups?: number;
  /** Whether indices have an axis of layers, `Q`. */
  readonly layersMayRest?: boolean;
  /** `parts` of `productVQ`, each with an axis of the plane: indices `[N, M]`. */
  readonly config: { readonly parts?: number };
}

/**
 * A quantizer's indices as the plane shows them, a code in each layer. Where each axis is quantized by itself,
 * the codes of the two in a layer, `i` and `j`, count as one, `i K + j`, which stands where they meet.
 */
export function planeCodes(quantizer: Quantizer) {
  const all = quantizer.codebookSizes;
  const { groups = 1, layersMayRest = false, config } = quantizer as Composed;
  const { parts = 1 } = config;
  const inOrder = Array.from({ length: groups * parts }, (_, axis) => axis);
  const layers = all.length / inOrder.length;
  const sizeOf = (axis: number, layer: number) => all[axis * layers + layer] as number;
  const sizes = Array.from({ length: layers }, (_, layer) =>
    inOrder.reduce((product, axis) => product * sizeOf(axis, layer), 1),
  );
  /** Where the index of an axis stands that is part of the code at a place, of so many codes. */
  const placeOf = (axis: number, at: number, count: number) =>
    parts > 1 ? at * parts + axis : axis * count + at;
  const shapeOf = (rows: number, few: number) => {
    if (parts > 1) return [rows, parts];
    const row = layersMayRest ? [rows, few] : [rows];
    return "groups" in quantizer ? [groups, ...row] : row;
  };
  return {
    /** Codes of each layer. */
    sizes,

    /** Of indices as the quantizer puts them out. */
    read(indices: Int32Array): HostIndices {
      const count = indices.length / inOrder.length;
      const codes = Int32Array.from({ length: count }, (_, at) => {
        const own = inOrder.map((axis) => indices[placeOf(axis, at, count)] as number);
        if (own.includes(-1)) return -1;
        return own.reduce((code, part, axis) => code * sizeOf(axis, at % layers) + part, 0);
      });
      return { layers, codes };
    },

    /** For the quantizer to decode: the codes of the first layers, all or some. */
    write({ codes, layers: few }: HostIndices): np.Array {
      const indices = new Int32Array(inOrder.length * codes.length);
      for (const [at, code] of codes.entries()) {
        let rest = code;
        for (const axis of inOrder.toReversed()) {
          const size = sizeOf(axis, at % few);
          indices[placeOf(axis, at, codes.length)] = code < 0 ? -1 : rest % size;
          rest = Math.floor(rest / size);
        }
      }
      const shape = shapeOf(codes.length / few, few);
      return np.array(indices, { shape, dtype: np.int32 });
    },
  };
}
