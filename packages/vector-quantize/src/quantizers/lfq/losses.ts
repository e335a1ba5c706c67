import { lax, nn, numpy as np, random } from "@jax-js/jax";
import { maskedMean } from "../../layout/mask.ts";
import { codeEntropies, type FoundEntropies, foundEntropies } from "../../losses/codeEntropy.ts";
import { asNumbers, solid } from "../../tracing.ts";
import type { CompleteLfqOptions } from "./options.ts";

/** What the losses of `lfq` are computed from. */
interface Inputs {
  /** Latents `[N, codebooks, bits]`. */
  latents: np.Array;
  /** Their codes, unrotated. */
  codes: np.Array;
  mask?: np.Array; // bool [N]
  key?: np.Array;
  temperature: np.Array;
  /** The entropies, if they were found before. */
  prepared?: FoundEntropies;
}

/**
 * `entropyLossWeight * (perSampleEntropy - diversityGamma * batchEntropy) + commitmentLossWeight *
 * commitment`, the entropies as means over codebooks; with `softplusEntropyLoss` the bracket goes
 * through `softplus(. + offset)`.
 *
 * Padding counts nowhere; with no real vector at all the loss is 0.
 */
export function lfqLosses(options: CompleteLfqOptions, inputs: Inputs) {
  const { latents, codes, mask } = inputs;
  const commitment =
    options.commitmentLossWeight === 0
      ? np.zeros([])
      : maskedMean(np.square(latents.ref.sub(lax.stopGradient(codes))), mask?.ref);
  const { perSample, batch } =
    options.entropyLossWeight === 0
      ? { perSample: np.zeros([]), batch: np.zeros([]) }
      : entropies(options, { ...inputs, latents, ...(mask && { mask: mask.ref }) });

  const gap = perSample.ref.sub(batch.ref.mul(options.diversityGamma));
  const offset = options.softplusOffset;
  const positive = offset === undefined ? gap : nn.softplus(gap.add(offset));
  const entropy = mask ? positive.mul(np.max(asNumbers(mask))) : positive;
  const committed = commitment.ref.mul(options.commitmentLossWeight);
  const { entropyLossWeight } = options;
  return {
    loss: entropyLossWeight === 0 ? committed : entropy.mul(entropyLossWeight).add(committed),
    losses: { perSampleEntropy: perSample, batchEntropy: batch, commitment },
  };
}

/** What the entropies are computed from: logits `[N, codebooks, bits]` and weights `[N]`. */
export function entropyInputs(
  options: CompleteLfqOptions,
  { latents, mask, key, temperature }: Omit<Inputs, "codes" | "prepared">,
): { logits: np.Array; weights?: np.Array } {
  const { codebookScale, bits, spherical, fracPerSampleEntropy } = options;
  // softmax(2 x.c / t) over codes of entries +-e: log p(1) - log p(0) = 4 e x / t, bit by bit.
  const entry = codebookScale / (spherical ? Math.sqrt(bits) : 1);
  const { rows, weights } =
    key && fracPerSampleEntropy < 1
      ? drawn(latents, mask, key, fracPerSampleEntropy)
      : { rows: latents, weights: mask && asNumbers(mask) };
  return { logits: rows.mul(np.array(4 * entry).div(temperature)), ...(weights && { weights }) };
}

function entropies(options: CompleteLfqOptions, inputs: Omit<Inputs, "codes">) {
  const { numCodebooks, bits, entropyFloor } = options;
  const { logits, weights } = entropyInputs(options, inputs);
  if (inputs.prepared) {
    return foundEntropies(inputs.prepared, logits.reshape([-1, numCodebooks * bits]));
  }
  let [perSample, batch] = [np.zeros([]), np.zeros([])];
  for (let c = 0; c < numCodebooks; c++) {
    const part = codeEntropies(logits.ref.slice([], c), weights?.ref, entropyFloor);
    perSample = perSample.add(part.perSample.div(numCodebooks));
    batch = batch.add(part.batch.div(numCodebooks));
  }
  return { perSample, batch };
}

/** A random `fraction` of the rows, rounded down, of the real ones if there is a mask. */
function drawn(
  rows: np.Array,
  mask: np.Array | undefined,
  key: np.Array,
  fraction: number,
): { rows: np.Array; weights: np.Array | undefined } {
  const N = rows.shape[0] as number;
  const most = Math.max(1, Math.floor(N * fraction));
  const noise = random.uniform(key, [N]);
  const order = solid(np.argsort(mask ? np.where(mask.ref, noise, 2) : noise).slice([0, most])); // [most]
  const kept = solid(np.take(rows, order, 0)); // [most, codebooks, bits]
  if (!mask) return { rows: kept, weights: undefined };
  const real = np.sum(asNumbers(mask)).mul(fraction);
  const count = np.where(real.ref.greater(0), np.maximum(np.floor(real.ref), 1), 0);
  return { rows: kept, weights: asNumbers(np.arange(most).astype(np.float32).less(count)) };
}
