/** Techniques that the library does not have, written in a graph to be trained beside those it has. */
import { lax, nn, numpy as np, tree } from "@jax-js/jax";
import { vectorQuantize } from "vector-quantize";

const distances = (x, codes) => {
  const squares = np.sum(np.square(codes.ref), -1);
  const own = np.sum(np.square(x.ref), -1, { keepdims: true });
  return own.add(squares).sub(np.matmul(x, codes.transpose()).mul(2)); // [N, K]
};

/** `inner` in evaluation, and in training what `assign(x, codes)` says: hard and soft shares `[N, K]`. */
function replaced(inner, { assign, commitmentWeight, codeWeight, more }) {
  const apply = (variables, x, options = {}) => {
    if (!options.training) return inner.apply(variables, x, options);
    options.key?.dispose();
    const state = tree.ref(variables.state);
    const codebook = inner.codebook(variables);
    const flat = x.ref.reshape([-1, inner.dim]);
    const { hard, soft } = assign(flat, codebook.ref);
    const indices = np.argmax(lax.stopGradient(hard.ref), -1).reshape(x.shape.slice(0, -1));
    const found = np.matmul(hard, codebook).reshape(x.shape); // [..., D]
    const commitment = np
      .mean(np.square(x.ref.sub(lax.stopGradient(found.ref))))
      .mul(commitmentWeight);
    const codes = np.mean(np.square(lax.stopGradient(x.ref).sub(found.ref))).mul(codeWeight);
    const quantized = more ? found : x.ref.add(lax.stopGradient(found.sub(x.ref)));
    const loss = commitment.ref.add(codes).add(more ? more(soft) : 0);
    if (!more) soft.dispose();
    x.dispose();
    return { quantized, indices, loss, losses: { commitment }, state };
  };
  const { passInMemory: _, ...rest } = inner;
  return { ...rest, apply };
}

const oneHot = (indices, count) => lax.stopGradient(nn.oneHot(indices, count));

/**
 * Shi et al. 2024, arXiv 2412.02692: straight through the softmax of all codes, which all learn by it. The
 * logits are distances here, so that the code is the nearest one in evaluation too.
 */
export function ibq({ dim, codebookSize, entropyWeight = 0.05, temperature = 1 }) {
  const inner = vectorQuantize({ dim, codebookSize, learnableCodebook: true });
  const assign = (x, codes) => {
    const soft = nn.softmax(distances(x, codes).div(-temperature), -1);
    const first = oneHot(np.argmax(lax.stopGradient(soft.ref), -1), codebookSize);
    return { hard: first.add(soft.ref).sub(lax.stopGradient(soft.ref)), soft };
  };
  const entropy = (p) => np.sum(p.ref.mul(np.log(p.add(1e-6))), -1).mul(-1);
  const more = (soft) =>
    np
      .mean(entropy(soft.ref))
      .sub(entropy(np.mean(soft, 0)))
      .mul(entropyWeight);
  return replaced(inner, { assign, commitmentWeight: 0.25, codeWeight: 1, more });
}

/** Zhang et al. 2024, arXiv 2412.15195 (OptVQ): codes by optimal transport in training, so that all are used. */
export function balanced({ dim, codebookSize, epsilon = 10, rounds = 5 }) {
  const inner = vectorQuantize({ dim, codebookSize, learnableCodebook: true });
  const assign = (x, codes) => {
    const [vectors, those] = [x, codes].map((each) => lax.stopGradient(each));
    const far = distances(vectors, those);
    const mean = np.mean(far.ref);
    const spread = np.sqrt(np.mean(np.square(far.ref.sub(mean.ref))));
    let plan = np.exp(far.sub(mean).div(spread.add(1e-8)).mul(-epsilon));
    for (let round = 0; round < rounds; round++) {
      plan = plan.ref.div(np.sum(plan, 0, { keepdims: true }).add(1e-20));
      plan = plan.ref.div(np.sum(plan, 1, { keepdims: true }).add(1e-20));
    }
    return { hard: oneHot(np.argmax(plan.ref, -1), codebookSize), soft: plan };
  };
  return replaced(inner, { assign, commitmentWeight: 0.25, codeWeight: 1 });
}
