import { jit, lax, nn, numpy as np } from "@jax-js/jax";
import { joinLevels, mixedRadix, splitWords } from "../codebook/mixedRadix.ts";
import { expected } from "../errors.ts";
import { maskedMean } from "../layout/mask.ts";
import { logSigmoid } from "../logarithm.ts";
import { atLeastZero, flag, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { firstLargest } from "../search/firstLargest.ts";
import { int32 } from "../tracing.ts";
import { drawBits } from "./binaryMapper/draw.ts";
import type { LookupFreeFamily } from "./lookupFree/family.ts";
import { type LookupFreeQuantizer, lookupFree } from "./lookupFree.ts";

const mostBits = 24; // of which a vector's output is 64 MB

/** Options of `binaryMapper`. The reference's names, in camelCase. */
export class BinaryMapperOptions {
  /** Bits of a code, the features of the input; the output has `2^bits`. Default 1. */
  bits?: number = integer(1, 1, mostBits);
  /** Nats that the bits may tell about the input before the loss sets in. Default `ln 2`: one bit. */
  klLossThreshold?: number = atLeastZero(Math.LN2);
  /** Takes the likelier value of every bit in evaluation also where a key is given. Default false. */
  deterministicOnEval?: boolean = flag(false);
}

export const binaryMapperTable = optionTable<BinaryMapperOptions>("binaryMapper", [
  BinaryMapperOptions,
]);

/** A `binaryMapper` quantizer, with what can be known of logits `[..., bits]` alone. */
export interface BinaryMapper extends LookupFreeQuantizer {
  /** `log p(index)` of each vector `[...]`, or of each of its bits `[..., bits]` with `sumBits: false`. */
  logProbability(logits: np.Array, indices: np.Array, options?: { sumBits?: boolean }): np.Array;
  /** Entropy of each vector's bits, in nats: `[...]`. */
  entropy(logits: np.Array): np.Array;
  /** `max(0, bits ln 2 - entropy - klLossThreshold)` of each vector: `[...]`. */
  klLoss(logits: np.Array): np.Array;
}

/**
 * Binary mapper: logits of bits become a one-hot vector of the code that is drawn from them.
 *
 * Bit `d` of the index is 1 with probability `sigmoid(logits[d] / temperature)`; the first dimension
 * is the lowest bit. The input `[..., bits]` comes out as one-hot `[..., 2^bits]`. Training draws,
 * with the key of the call, and passes the gradient of the codes' probabilities straight through; a
 * temperature of 0 takes the likelier value of every bit. Evaluation draws if it is given a key, and
 * takes the likelier values without one.
 *
 * The loss is `mean max(0, KL - klLossThreshold)`, the KL divergence from fair bits, `bits ln 2 -
 * entropy`, without the temperature.
 *
 * ```ts
 * const mapper = binaryMapper({ bits: 8 });
 * const { quantized, indices } = mapper.apply(variables, logits, { training: true, key });
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: Fleuret, "The Free Transformer", 2025, https://arxiv.org/abs/2510.17558. The
 * reference's class is `BinaryMapper`.
 */
export function binaryMapper(given: BinaryMapperOptions = {}): BinaryMapper {
  const { options, config } = binaryMapperTable.read(given);
  const { bits, klLossThreshold, deterministicOnEval } = options;
  const radix = mixedRadix(Array(bits).fill(2), "first");
  const codes = 2 ** bits;

  const entropyOf = (logits: np.Array) => {
    const up = logSigmoid(logits.ref);
    const down = logSigmoid(logits.neg());
    return np.sum(np.exp(up.ref).mul(up).add(np.exp(down.ref).mul(down)), -1).neg(); // [...]
  };
  const klOf = (logits: np.Array) =>
    np.maximum(
      entropyOf(logits)
        .neg()
        .add(bits * Math.LN2 - klLossThreshold),
      0,
    );

  /** Probability of every code: `[..., 2^bits]`. */
  const probabilities = (logits: np.Array) => {
    const table = bitTable(bits); // [bits, 2^bits]
    const one = np.matmul(logSigmoid(logits.ref), table.ref);
    return np.exp(one.add(np.matmul(logSigmoid(logits.neg()), table.neg().add(1))));
  };

  const oneHot = (levels: np.Array) => nn.oneHot(np.squeeze(joinLevels(radix, levels), -1), codes); // [..., 2^bits]

  const family: LookupFreeFamily<Record<string, never>, Record<string, never>> = {
    name: "binaryMapper",
    config,
    dim: bits,
    layout: "channelLast",
    codebooks: 1,
    keepCodebooks: false,
    radix,
    codeWidth: codes,
    losses: ["kl"],
    draws: "training",
    drawsInEvaluation: !deterministicOnEval,
    temperature: 1,
    takesZeroTemperature: true,

    init(key) {
      key.dispose();
      return { params: {}, state: {} };
    },

    latents: (_, vectors) => vectors.reshape([-1, 1, bits]),

    levels: (_, latents, draw) => drawBits(latents, draw),

    codes: (_, levels) => oneHot(levels),

    levelsOfCodes: (_, given) => splitWords(radix, firstLargest(given).reshape([-1, 1, 1])),

    train({ latents, levels, mask }) {
      const p = probabilities(latents.ref); // [N, 1, 2^bits]
      const loss = maskedMean(klOf(np.squeeze(latents, 1)), mask);
      const exact = lax.stopGradient(oneHot(levels));
      return {
        codes: exact.add(p.ref.sub(lax.stopGradient(p))),
        loss,
        losses: { kl: loss.ref },
      };
    },
  };

  const checkLogits = (method: string, { shape }: np.Array) => {
    if (shape.at(-1) !== bits) {
      throw expected(`binaryMapper.${method}: shape of logits`, `[..., ${bits}]`, shape);
    }
  };
  const perBit = jit((logits: np.Array, indices: np.Array) => {
    const levels = splitWords(radix, np.expandDims(indices, -1)); // [..., bits]
    return logSigmoid(np.where(levels.equal(int32(1)), logits.ref, logits.neg()));
  });
  const perVector = jit((logits: np.Array, indices: np.Array) =>
    np.sum(perBit(logits, indices), -1),
  );
  const entropy = jit(entropyOf);
  const klLoss = jit(klOf);

  const more: Pick<BinaryMapper, "logProbability" | "entropy" | "klLoss"> = {
    logProbability(logits, indices, { sumBits = true } = {}) {
      checkLogits("logProbability", logits);
      const shape = logits.shape.slice(0, -1);
      if (String(indices.shape) !== String(shape)) {
        const where = "binaryMapper.logProbability: shape of indices";
        throw expected(where, JSON.stringify(shape), indices.shape);
      }
      return (sumBits ? perVector : perBit)(logits.ref, indices.ref);
    },

    entropy(logits) {
      checkLogits("entropy", logits);
      return entropy(logits.ref);
    },

    klLoss(logits) {
      checkLogits("klLoss", logits);
      return klLoss(logits.ref);
    },
  };
  return lookupFree(family, more);
}

/** Bit `d` of every code, the first bit the lowest: `[bits, 2^bits]` of 0 and 1. */
function bitTable(bits: number): np.Array {
  const codes = 2 ** bits;
  const table = Float32Array.from(
    { length: bits * codes },
    (_, at) => ((at % codes) >> Math.floor(at / codes)) & 1,
  );
  return np.array(table, { shape: [bits, codes] });
}
