import type { CodeLayout } from "./codeLayout.ts";
import type { CodeMetric, QueryTables } from "./codeQuantizer.ts";
import { quantizeBytesReference, quantizeNibblesReference } from "./tables.reference.ts";
import { unitVectors } from "./vectors.ts";

const { fround } = Math;

/** Reference of `multiplyRows`: the same bits. */
export function turnReference(
  vectors: Float32Array,
  dim: number,
  unit: boolean,
  rotation: Float32Array | undefined,
): Float32Array {
  const rows = unit ? unitVectors(vectors, dim) : vectors;
  if (rotation === undefined) return rows;
  const turned = new Float32Array(rows.length);
  for (let first = 0; first < rows.length; first += dim) {
    for (let to = 0; to < dim; to++) {
      let sum = 0;
      for (let i = 0; i < dim; i++) {
        sum = fround(sum + fround(rows[first + i]! * rotation[i * dim + to]!));
      }
      turned[first + to] = sum;
    }
  }
  return turned;
}

/** What the reference reads of a quantizer. */
interface Parts {
  readonly dim: number;
  readonly metric: CodeMetric;
  readonly layout: CodeLayout;
  readonly books: Float32Array;
  readonly settings: { readonly parts: number; readonly rotation?: Float32Array };
}

/** Reference of `prepareParts`: the same bits. */
export function preparePartsReference(coder: Parts, query: Float32Array): QueryTables {
  const { dim, metric, layout, books, settings } = coder;
  const { order, kind } = layout;
  const size = kind === "nibbles" ? 16 : 256;
  const width = dim / settings.parts;
  const x = turnReference(query, dim, false, settings.rotation);
  const floats = new Float32Array(order.length * size);
  for (const [place, part] of order.entries()) {
    if (part < 0) continue;
    for (let code = 0; code < size; code++) {
      let sum = 0;
      for (let i = 0; i < width; i++) {
        const [value, number] = [x[part * width + i]!, books[(place * width + i) * size + code]!];
        const gap = fround(value - number);
        sum = fround(sum + (metric === "dot" ? -fround(value * number) : fround(gap * gap)));
      }
      floats[place * size + code] = metric === "cosine" ? sum / 2 : sum;
    }
  }
  const quantize = kind === "nibbles" ? quantizeNibblesReference : quantizeBytesReference;
  const { small, start, step } = quantize(floats);
  return { floats, small, constants: Float32Array.of(start, step, 0) };
}
