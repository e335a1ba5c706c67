import { expect } from "vitest";
import type { HostTensor } from "../../packages/vector-quantize/src/checkpoint/dtypes.ts";
import { type Tensors, tensor } from "./cases.ts";
import { expectSame } from "./compare.ts";

/** A noised step of ours, without projections: its input, its codes and what came out. */
interface Noised {
  x: HostTensor; // [..., D]
  codes: HostTensor; // [..., D]
  quantized: HostTensor; // [..., D]
}

/** Expects every output to lie as far from its vector as the code does, in another direction. */
export function expectAsFar(at: string, { x, codes, quantized }: Noised): void {
  expectSame(`${at}: lengths`, lengths(quantized, x), lengths(codes, x));
  expect(Array.from(quantized.data), `${at}: noise`).not.toEqual(Array.from(codes.data));
}

/**
 * Expects the gradients of `sum(weight * quantized)` that directional reparametrisation has in the
 * drawn direction `u`: with `d = c - x`, `w - (w . u) d / |d|` for the vector, and
 * `(w . u) d / |d|` for its code.
 *
 * @param indices int32, one per vector
 */
export function expectDirectionalGradients(
  at: string,
  { x, codes, quantized }: Noised,
  weight: HostTensor,
  indices: HostTensor,
  gradients: Tensors,
): void {
  const embed = tensor(gradients, "_codebook.embed");
  const D = x.shape.at(-1) as number;
  const byX = new Float32Array(x.data.length);
  const byCodes = new Float32Array(embed.data.length);
  const all = Array.from({ length: D }, (_, d) => d);
  for (const [n, k] of indices.data.entries()) {
    const entry = ({ data }: HostTensor, d: number) => data[n * D + d] as number;
    const gap = all.map((d) => entry(codes, d) - entry(x, d));
    const length = Math.hypot(...gap);
    const along = all.reduce(
      (sum, d) => sum + (entry(weight, d) * (entry(quantized, d) - entry(x, d))) / length,
      0,
    );
    for (const d of all) {
      const share = (along * (gap[d] as number)) / length;
      byX[n * D + d] = entry(weight, d) - share;
      byCodes[k * D + d] = (byCodes[k * D + d] as number) + share;
    }
  }
  expectSame(`${at}: gradient of x`, tensor(gradients, "x"), { ...x, data: byX });
  expectSame(`${at}: gradient of the codes`, embed, { ...embed, data: byCodes });
}

/** How far each vector of one is from that of the other, `[N]`. */
function lengths(a: HostTensor, b: HostTensor): HostTensor {
  const D = a.shape.at(-1) as number;
  const data = new Float32Array(a.data.length / D).map((_, n) => {
    const gaps = Array.from(
      a.data.subarray(n * D, (n + 1) * D),
      (value, d) => value - (b.data[n * D + d] as number),
    );
    return Math.hypot(...gaps);
  });
  return { dtype: "float32", shape: [data.length], data };
}
