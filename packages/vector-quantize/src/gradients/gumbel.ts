import { lax, nn, numpy as np } from "@jax-js/jax";

/**
 * Straight-through Gumbel-softmax: the drawn codes in value, in gradient the mean code
 * `softmax(similarities / temperature) C`.
 *
 * The reference then routes gradients straight to the input and so loses these; here they are the
 * gradient.
 *
 * @param codes the drawn codes `[N, D]`
 * @param logits similarities `[N, K]`
 * @param codebook `[K, D]`
 * @param temperature scalar above 0
 *
 * Source: Jang et al., "Categorical Reparameterization with Gumbel-Softmax", 2016, section 2.2,
 * https://arxiv.org/abs/1611.01144
 */
export function straightThroughGumbel(
  codes: np.Array,
  logits: np.Array,
  codebook: np.Array,
  temperature: np.Array,
): np.Array {
  const mean = np.matmul(nn.softmax(logits.div(temperature), 1), codebook); // [N, D]
  return lax.stopGradient(codes).add(mean.ref.sub(lax.stopGradient(mean)));
}
