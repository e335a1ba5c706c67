import { lax, numpy as np } from "@jax-js/jax";
import { VectorQuantizeError } from "../errors.ts";
import { type Layout, layouts, positionShape } from "../layout/layout.ts";
import { zeroMasked } from "../layout/mask.ts";
import { choice, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { owns } from "../tree.ts";
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

  const indicesOf = (x: np.Array) => np.zeros(positionShape(x.shape, layout), { dtype: np.int32 });
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
      // Not the input itself: a traced output has to be computed.
      return {
        quantized: zeroMasked(x.ref.mul(1), masks, positions, layout),
        indices: indicesOf(x),
        loss: lax.stopGradient(np.zeros([])),
        losses: {},
        state: variables.state,
      };
    },

    async encode(_, x, { mask, lengths } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      using _owned = owns(x, masks);
      return indicesOf(x);
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
