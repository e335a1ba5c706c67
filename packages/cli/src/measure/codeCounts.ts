import type { Quantizer } from "vector-quantize";
import { type Usage, usageOf } from "../codec/usage.ts";

/** Counts the codes of many pictures. */
export interface CodeCounter {
  /** @param codes `[positions, Q]` */
  add(codes: Int32Array): void;
  usage(): Usage;
  /** Bits that the codes would take packed, and at least if each were told without any other. */
  bits(): { readonly packed: number; readonly entropy: number };
}

export function codeCounter({ codebookSizes }: Quantizer): CodeCounter {
  const starts: number[] = [];
  let total = 0;
  for (const size of codebookSizes) {
    starts.push(total);
    total += size;
  }
  const counts = new Float64Array(total);
  const layers = codebookSizes.length;
  let positions = 0;
  return {
    add(codes) {
      positions += codes.length / layers;
      for (let i = 0; i < codes.length; i++) {
        const code = codes[i] as number;
        if (code >= 0) counts[(starts[i % layers] as number) + code]! += 1;
      }
    },
    usage: () => usageOf(counts, codebookSizes),
    bits() {
      const packed = codebookSizes.reduce((sum, size) => sum + Math.log2(size), 0) * positions;
      let entropy = 0;
      for (const count of counts) if (count > 0) entropy -= count * Math.log2(count / positions);
      return { packed, entropy };
    },
  };
}
