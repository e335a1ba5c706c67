import { blockUntilReady, lax, numpy as np, tree } from "@jax-js/jax";
import { VectorQuantizeError } from "../errors.ts";
import { fromVectors, type Layout, layouts, positionShape, toVectors } from "../layout/layout.ts";
import { zeroMasked } from "../layout/mask.ts";
import { choice, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { finiteRows, refuseRows } from "../search/usable.ts";
import { int32 } from "../tracing.ts";
import { jitted } from "../tree.ts";
import type { Quantizer } from "./contract.ts";
import { guarded } from "./guard.ts";
import { resting } from "./resting.ts";

/** Options of `identity`. */
export class IdentityOptions {
  /** Feature size of the input. */
  dim: number = integer();
  /** Where the features stand. Default `channelLast`. */
  layout?: Layout = choice(layouts, "channelLast");
}

export const identityTable = optionTable<IdentityOptions>("identity", [IdentityOptions]);

type Nothing = Record<string, never>;

/**
 * The null quantizer, for baselines and tests: the output is the input, and every index is 0.
 *
 * A vector with NaN or infinity gets index -1 and comes out as NaN.
 *
 * ```ts
 * const model = sequential([encoder, identity({ dim: 64 }), decoder]); // how good without codes
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range; `codes` and `decode`
 *   throw always, since an index says nothing about its vector
 */
export function identity(given: IdentityOptions): Quantizer<Nothing, Nothing> {
  const { options, config } = identityTable.read(given);
  const { dim, layout } = options;

  const run = jitted((x: np.Array) => {
    const positions = positionShape(x.shape, layout);
    const vectors = toVectors(x, layout); // [N, dim]
    const usable = finiteRows(vectors.ref); // [N]
    return {
      // Not the input itself: a traced output has to be computed.
      quantized: fromVectors(refuseRows(vectors, usable.ref), layout, positions),
      indices: usable.astype(np.int32).sub(int32(1)).reshape(positions), // 0, or -1
    };
  });
  const refuse = (name: string): never => {
    throw new VectorQuantizeError(
      `identity.${name}: expected a quantizer with codes, got none; its output is its input`,
    );
  };

  const quantizer: Quantizer<Nothing, Nothing> = {
    config,
    dim,
    codebookSizes: [1],

    init: () => ({ params: {}, state: {} }),

    ...resting(),

    apply({ state }, x, { mask, lengths } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      const { quantized, indices } = run(x.ref);
      return {
        quantized: zeroMasked(quantized, tree.ref(masks), positionShape(x.shape, layout), layout),
        indices,
        loss: lax.stopGradient(np.zeros([])),
        losses: {},
        state: tree.ref(state),
      };
    },

    async encode(_, x) {
      const { quantized, indices } = run(x.ref);
      quantized.dispose();
      return blockUntilReady(indices);
    },

    codes: () => refuse("codes"),
    decode: () => refuse("decode"),
  };
  return guarded(quantizer, { layout, indices: { axes: [] } });
}
