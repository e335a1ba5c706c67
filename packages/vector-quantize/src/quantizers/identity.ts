import { blockUntilReady, lax, numpy as np } from "@jax-js/jax";
import { VectorQuantizeError } from "../errors.ts";
import { fromVectors, type Layout, layouts, positionShape, toVectors } from "../layout/layout.ts";
import { zeroMasked } from "../layout/mask.ts";
import { choice, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { finiteRows, refuseRows } from "../search/usable.ts";
import { int32 } from "../tracing.ts";
import { jitted, owns } from "../tree.ts";
import type { Quantizer } from "./contract.ts";
import { guarded } from "./guard.ts";

/** Options of `identity`. */
export class IdentityOptions {
  /** Feature size of the input. */
  dim: number = integer();
  /** Where the features stand. Default `channelLast`. */
  layout?: Layout = choice(layouts, "channelLast");
}

const table = optionTable<IdentityOptions>("identity", [IdentityOptions]);

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
  const { options, config } = table.read(given);
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
  const refuse = (name: string, ...arrays: unknown[]): never => {
    using _ = owns(...arrays);
    throw new VectorQuantizeError(
      `identity.${name}: expected a quantizer with codes, got none; its output is its input`,
    );
  };

  const quantizer: Quantizer<Nothing, Nothing> = {
    config,
    dim,
    codebookSizes: [1],

    init(key) {
      key.dispose();
      return { params: {}, state: {} };
    },

    async fit(variables, x, { key, mask, lengths } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(x, key, masks);
      return variables;
    },

    apply(variables, x, { key, mask, lengths, indices, targets } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(x, key, indices, targets);
      const positions = positionShape(x.shape, layout);
      const { quantized, indices: own } = run(x.ref);
      return {
        quantized: zeroMasked(quantized, masks, positions, layout),
        indices: own,
        loss: lax.stopGradient(np.zeros([])),
        losses: {},
        state: variables.state,
      };
    },

    async encode(_, x, { mask, lengths } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      using _owned = owns(x, masks);
      const { quantized, indices } = run(x.ref);
      quantized.dispose();
      return blockUntilReady(indices);
    },

    async update(variables, x, indices, { key, mask, lengths } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(x, indices, key, masks);
      return variables.state;
    },

    codes: (variables, indices) => refuse("codes", variables, indices),
    decode: (variables, indices, masks) => refuse("decode", variables, indices, masks),
  };
  return guarded(quantizer, { layout, indices: { axes: [] } });
}
