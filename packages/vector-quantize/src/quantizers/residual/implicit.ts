import { nn, numpy as np, random } from "@jax-js/jax";
import { applyLinear, initLinear, type Projection } from "../../layout/linear.ts";
import type { CodebookTransform } from "../vectorQuantize/apply.ts";

/** Sizes of the networks that make implicit neural codebooks. */
export interface ImplicitCodebook {
  /** Residual blocks. The paper has 4. */
  readonly depth: number;
  /** Features inside a block. */
  readonly hidden: number;
}

export type ImplicitParams = {
  projectIn: Projection; // [2 C, C]
  blocks: { up: Projection; down: Projection }[]; // [C, hidden], [hidden, C]
};

export function initImplicit(key: np.Array, C: number, sizes: ImplicitCodebook): ImplicitParams {
  const keys = [...random.split(key, 1 + 2 * sizes.depth)];
  return {
    projectIn: initLinear(keys[0] as np.Array, 2 * C, C),
    blocks: Array.from({ length: sizes.depth }, (_, block) => ({
      up: initLinear(keys[1 + 2 * block] as np.Array, C, sizes.hidden),
      down: initLinear(keys[2 + 2 * block] as np.Array, sizes.hidden, C),
    })),
  };
}

/**
 * A layer's codes for each vector, made from its codebook and what the layers before quantized:
 * `h = W [quantized; c] + b`, then `h <- h + down(silu(up(h)))` for each block.
 *
 * @param quantized the sum of the layers before, `[N, C]`
 * @returns a function from the codebook `[K, C]` to codes `[N, K, C]`
 *
 * Source: Huijben et al., "Residual Quantization with Implicit Neural Codebooks", 2024,
 * https://arxiv.org/abs/2401.14732
 */
export function implicitCodes(params: ImplicitParams, quantized: np.Array): CodebookTransform {
  return (codebook) => {
    const [N, C] = quantized.shape as [number, number];
    const K = codebook.shape[0] as number;
    const { weight, bias } = params.projectIn;
    // W [q; c] = W_q q + W_c c: the concatenation of N K rows is never made.
    const byVector = np.matmul(quantized, weight.ref.slice([0, C])); // [N, C]
    const byCode = np.matmul(codebook, weight.ref.slice([C, 2 * C])); // [K, C]
    const mixed = np.expandDims(byVector, 1).add(byCode).add(bias.ref); // [N, K, C]
    let h = mixed.reshape([N * K, C]);
    for (const { up, down } of params.blocks) {
      const inner = nn.silu(applyLinear(h.ref, { weight: up.weight.ref, bias: up.bias.ref }));
      h = h.add(applyLinear(inner, { weight: down.weight.ref, bias: down.bias.ref }));
    }
    return h.reshape([N, K, C]);
  };
}
