import { numpy as np } from "@jax-js/jax";
import type { Quantizer } from "vector-quantize";

/** Codes on the host, `[N, layers]`. */
export interface HostIndices {
  readonly layers: number;
  readonly codes: Int32Array<ArrayBuffer>;
}

/** Residual quantizers, whose indices have an axis of layers, and groups of them. */
interface Layered {
  readonly groups?: number;
  readonly layersMayRest?: boolean;
}

/**
 * A quantizer's indices as the plane shows them, a code in each layer. Groups quantize an axis each: their
 * codes in a layer, `i` and `j`, count as one, `i K + j`, which stands where the two meet.
 */
export function planeCodes(quantizer: Quantizer) {
  const all = quantizer.codebookSizes;
  const { groups = 1, layersMayRest = false } = quantizer as Layered;
  const layers = all.length / groups;
  const sizeOf = (group: number, layer: number) => all[group * layers + layer] as number;
  const inOrder = Array.from({ length: groups }, (_, group) => group);
  const sizes = Array.from({ length: layers }, (_, layer) =>
    inOrder.reduce((product, group) => product * sizeOf(group, layer), 1),
  );
  return {
    /** Codes of each layer. */
    sizes,

    /** Of indices as the quantizer puts them out, `[G, N, Q]` of groups. */
    read(indices: Int32Array): HostIndices {
      const count = indices.length / groups;
      const codes = Int32Array.from({ length: count }, (_, at) => {
        const parts = inOrder.map((group) => indices[group * count + at] as number);
        if (parts.includes(-1)) return -1;
        return parts.reduce((code, part, group) => code * sizeOf(group, at % layers) + part, 0);
      });
      return { layers, codes };
    },

    /** For the quantizer to decode: the codes of the first layers, all or some. */
    write({ codes, layers: few }: HostIndices): np.Array {
      const indices = new Int32Array(groups * codes.length);
      for (const [at, code] of codes.entries()) {
        let rest = code;
        for (const group of inOrder.toReversed()) {
          const size = sizeOf(group, at % few);
          indices[group * codes.length + at] = code < 0 ? -1 : rest % size;
          rest = Math.floor(rest / size);
        }
      }
      const rows = codes.length / few;
      const row = layersMayRest ? [rows, few] : [rows];
      const shape = "groups" in quantizer ? [groups, ...row] : row;
      return np.array(indices, { shape, dtype: np.int32 });
    },
  };
}
