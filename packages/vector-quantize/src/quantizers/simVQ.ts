import { lax, numpy as np, random, tree } from "@jax-js/jax";
import { lookUp } from "../codebook/codebook.ts";
import { rotationTrick } from "../gradients/rotation.ts";
import { straightThrough } from "../gradients/straightThrough.ts";
import { fromVectors, positionShape, toVectors } from "../layout/layout.ts";
import { applyLinear, initLinear, type LinearMap } from "../layout/linear.ts";
import { fillMasked, hideMasked, maskedMean, maskOfVectors, zeroMasked } from "../layout/mask.ts";
import { crossEntropy } from "../losses/crossEntropy.ts";
import { codebookComparison, codebookEncoder } from "../search/codebookEncoder.ts";
import { nearestInGraph, similarities } from "../search/graph.ts";
import { usableRows } from "../search/usable.ts";
import { both } from "../tracing.ts";
import { type ArrayTree, arraysIn, jitByMode, jitted, type ParamTree } from "../tree.ts";
import type { MaskOptions, Quantizer, Variables } from "./contract.ts";
import { guarded } from "./guard.ts";
import { resting } from "./resting.ts";
import { type SimVQOptions, simVQTable } from "./simVQ/options.ts";

/** What gradients train: the transform. */
export type SimVQParams = { transform: ParamTree };
/** The frozen codebook, `[K, frozenCodebookDim]`; other codes may stand in its place. */
export type SimVQState = { codebook: np.Array };
type SimVQVariables = Variables<SimVQParams, SimVQState>;

/** A `simVQ` quantizer. */
export interface SimVQuantizer extends Quantizer<SimVQParams, SimVQState> {
  /** The codes, `[K, dim]`: the frozen ones through the transform. */
  codebook(variables: SimVQVariables): np.Array;
}

type Call = MaskOptions & {
  variables: SimVQVariables;
  x: np.Array;
  indices?: np.Array;
  targets?: np.Array;
};

/**
 * Vector quantization with one linear layer: the codebook is random and frozen, and a map of it is
 * trained, so that every step moves all codes.
 *
 * `code_k = W c_k`, by default; the loss in training is `commitmentWeight (mean (sg(x) - q)^2 +
 * inputToQuantizeCommitLossWeight mean (x - sg(q))^2)`. There is nothing to `fit`: it gives back
 * what it is given.
 *
 * A vector with NaN, infinity or a number of 2^50 or more gets index -1 and comes out as NaN.
 *
 * ```ts
 * const quantizer = simVQ({ dim: 64, codebookSize: 8192 });
 * const { quantized, indices, loss } = quantizer.apply(variables, x, { training: true });
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: Zhu et al., "Addressing Representation Collapse in Vector Quantized Models with One Linear
 * Layer", 2024, https://arxiv.org/abs/2411.02038. The reference's class is `SimVQ`.
 */
export function simVQ(given: SimVQOptions): SimVQuantizer {
  const { options, config } = simVQTable.read(given);
  const { dim, codebookSize: K, frozenCodebookDim: C, layout } = options;
  const transform = options.codebookTransform ?? linearTransform;
  const codebookOf = ({ params, state }: SimVQVariables) =>
    transform.apply(tree.ref(params.transform), lax.stopGradient(state.codebook.ref)); // [K, dim]

  const run = ({ variables, x, indices, targets, ...masks }: Call, mode: { training: boolean }) => {
    const positions = positionShape(x.shape, layout);
    const mask = maskOfVectors(masks, positions); // [N]
    const vectors = toVectors(x, layout); // [N, dim]
    const book = codebookOf(variables);
    const usable = usableRows(vectors.ref); // [N]
    const real = mask ? both(usable.ref, mask.ref) : usable.ref;
    const still = (values: np.Array) => lax.stopGradient(values.ref);
    const nearest = () => nearestInGraph(still(vectors), still(book), "euclidean");
    const found = hideMasked(indices ? indices.reshape([-1]) : nearest(), usable);
    const codes = lookUp(book.ref, found.ref); // [N, dim]
    const route = options.gradient === "rotation" ? rotationTrick : straightThrough;
    const passed = mode.training ? route(vectors.ref, codes.ref) : codes.ref;
    const known = (values: np.Array) => np.where(real.ref.reshape([-1, 1]), values, 0);
    const error = (a: np.Array, b: np.Array) =>
      maskedMean(np.square(known(a).sub(known(b))), real.ref);
    const trains = mode.training && !targets;
    const none = () => np.zeros([]);
    const losses = {
      codebook: trains ? error(still(vectors), codes.ref) : none(),
      commitment: trains ? error(vectors.ref, still(codes)) : none(),
      crossEntropy: targets
        ? crossEntropy(
            similarities(known(vectors), book, "euclidean"),
            hideMasked(targets.reshape([-1]), real.ref),
          )
        : none(),
    };
    const loss = losses.codebook.ref
      .add(losses.commitment.ref.mul(options.inputToQuantizeCommitLossWeight))
      .mul(options.commitmentWeight)
      .add(losses.crossEntropy.ref);
    const output = fromVectors(passed, layout, positions);
    return {
      quantized: fillMasked(output.ref, np.zerosLike(output), mask?.ref, layout),
      indices: hideMasked(found, mask).reshape(positions),
      loss,
      losses,
      state: { codebook: lax.stopGradient(variables.state.codebook) },
    };
  };
  const apply = jitByMode(run);
  const query = (variables: SimVQVariables, x: np.Array) => [
    { vectors: toVectors(x, layout), codes: codebookOf(variables) },
  ];
  const encode = codebookEncoder({
    metric: "euclidean",
    query,
    asIndices(x, [found], masks: MaskOptions) {
      const positions = positionShape(x.shape, layout);
      return hideMasked(found as np.Array, maskOfVectors(masks, positions)).reshape(positions);
    },
  });
  const decode = jitted((variables: SimVQVariables, indices: np.Array) =>
    fromVectors(lookUp(codebookOf(variables), indices.reshape([-1])), layout, indices.shape),
  );
  const codebook = jitted(codebookOf);

  const quantizer: SimVQuantizer = {
    config,
    dim,
    codebookSizes: [K],
    trainsApart: true,

    init(key) {
      const [bookKey, transformKey] = [...random.split(key.ref)] as [np.Array, np.Array];
      return {
        params: { transform: transform.init(transformKey, C, dim) as ParamTree },
        state: { codebook: random.normal(bookKey, [K, C]).mul(C ** -0.5) },
      };
    },

    ...resting(),

    apply: (variables, x, { training = false, key: _, ...options } = {}) =>
      apply(tree.ref({ variables, x, ...arraysIn(options) }), { training }),

    encode: (variables, x, masks = {}) => encode(variables, x, masks),

    comparison: codebookComparison(query),

    codes: (variables, indices) => decode(tree.ref(variables), indices.ref),

    decode(variables, indices, masks = {}) {
      const output = decode(tree.ref(variables), indices.ref);
      return zeroMasked(output, tree.ref(masks), indices.shape, layout);
    },

    codebook: (variables) => codebook(tree.ref(variables)),
  };
  return guarded(quantizer, {
    layout,
    indices: { axes: [] },
    takes: { apply: ["targets"] },
    scores: () => K,
  });
}

/** A linear map without bias, started as PyTorch's `nn.Linear`. */
const linearTransform = {
  init: (key: np.Array, inputs: number, outputs: number): ArrayTree =>
    initLinear(key, inputs, outputs, false) as ArrayTree,
  apply: (params: ArrayTree, codes: np.Array) => applyLinear(codes, params as LinearMap),
};
