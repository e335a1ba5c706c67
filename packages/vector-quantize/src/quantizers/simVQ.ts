import { blockUntilReady, lax, numpy as np, random, tree } from "@jax-js/jax";
import { lookUp } from "../codebook/codebook.ts";
import { rotationTrick } from "../gradients/rotation.ts";
import { straightThrough } from "../gradients/straightThrough.ts";
import { fromVectors, positionShape, toVectors } from "../layout/layout.ts";
import { applyLinear, initLinear, type LinearMap } from "../layout/linear.ts";
import { fillMasked, hideMasked, maskedMean, maskOfVectors, zeroMasked } from "../layout/mask.ts";
import { crossEntropy } from "../losses/crossEntropy.ts";
import { nearestInGraph, similarities } from "../search/graph.ts";
import { nearestOnKernels, onKernels } from "../search/kernel.ts";
import { usableRows } from "../search/usable.ts";
import { both } from "../tracing.ts";
import { type ArrayTree, jitByMode, jitted, owns } from "../tree.ts";
import type { MaskOptions, Quantizer, Variables } from "./contract.ts";
import { guarded } from "./guard.ts";
import { type SimVQOptions, simVQTable } from "./simVQ/options.ts";

/** What gradients train: the transform. */
export type SimVQParams = { transform: ArrayTree };
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

  const search = (codes: np.Array, vectors: np.Array, mask: np.Array | undefined) =>
    hideMasked(
      nearestInGraph(lax.stopGradient(vectors), lax.stopGradient(codes), "euclidean"),
      mask,
    );

  const run = ({ variables, x, indices, targets, ...masks }: Call, mode: { training: boolean }) => {
    const positions = positionShape(x.shape, layout);
    const mask = maskOfVectors(masks, positions); // [N]
    const vectors = toVectors(x, layout); // [N, dim]
    const book = codebookOf(variables);
    const usable = usableRows(vectors.ref); // [N]
    const real = mask ? both(usable.ref, mask.ref) : usable.ref;
    const found = hideMasked(
      indices ? indices.reshape([-1]) : search(book.ref, vectors.ref, undefined),
      usable,
    );
    const codes = lookUp(book.ref, found.ref); // [N, dim]
    const route = options.gradient === "rotation" ? rotationTrick : straightThrough;
    const passed = mode.training ? route(vectors.ref, codes.ref) : codes.ref;
    const error = (a: np.Array, b: np.Array) => {
      const gap = np
        .where(real.ref.reshape([-1, 1]), a, 0)
        .sub(np.where(real.ref.reshape([-1, 1]), b, 0));
      return maskedMean(np.square(gap), real.ref);
    };
    const trains = mode.training && !targets;
    const none = () => np.zeros([]);
    const losses = {
      codebook: trains ? error(lax.stopGradient(vectors.ref), codes.ref) : none(),
      commitment: trains ? error(vectors.ref, lax.stopGradient(codes.ref)) : none(),
      crossEntropy: targets
        ? crossEntropy(
            similarities(np.where(real.ref.reshape([-1, 1]), vectors, 0), book, "euclidean"),
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
  const encode = jitted(({ variables, x, ...masks }: Call) => {
    const positions = positionShape(x.shape, layout);
    const mask = maskOfVectors(masks, positions);
    return search(codebookOf(variables), toVectors(x, layout), mask).reshape(positions);
  });
  const decode = jitted((variables: SimVQVariables, indices: np.Array) =>
    fromVectors(lookUp(codebookOf(variables), indices.reshape([-1])), layout, indices.shape),
  );
  const codebook = jitted(codebookOf);
  /** What a search outside the graph needs, and what becomes of its answer. */
  const query = jitted(({ variables, x }: Pick<Call, "variables" | "x">) => ({
    vectors: toVectors(x, layout),
    codes: codebookOf(variables),
  }));
  const settle = jitted(
    ({ found, x, ...masks }: { found: np.Array; x: np.Array } & MaskOptions) => {
      const positions = positionShape(x.shape, layout);
      return hideMasked(found, maskOfVectors(masks, positions)).reshape(positions);
    },
  );

  const quantizer: SimVQuantizer = {
    config,
    dim,
    codebookSizes: [K],
    trainsApart: true,

    init(key) {
      const [bookKey, transformKey] = [...random.split(key)] as [np.Array, np.Array];
      return {
        params: { transform: transform.init(transformKey, C, dim) },
        state: { codebook: random.normal(bookKey, [K, C]).mul(C ** -0.5) },
      };
    },

    async fit(variables, x, { mask, lengths, key } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(x, masks, key);
      return variables;
    },

    apply(variables, x, { training = false, mask, lengths, indices, targets, key } = {}) {
      const arrays = {
        ...(mask && { mask }),
        ...(lengths && { lengths }),
        ...(indices && { indices }),
        ...(targets && { targets }),
      };
      using _ = owns(variables, x, arrays, key);
      return apply(tree.ref({ variables, x, ...arrays }), { training });
    },

    async encode(variables, x, { mask, lengths } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(variables, x, masks);
      if (!onKernels(x)) return blockUntilReady(encode(tree.ref({ variables, x, ...masks })));
      const { vectors, codes } = query(tree.ref({ variables, x }));
      const found = np.array(await nearestOnKernels(vectors, codes, "euclidean"));
      return blockUntilReady(settle({ found, x: x.ref, ...tree.ref(masks) }));
    },

    async update(variables, x, indices, { mask, lengths, key } = {}) {
      const arrays = { indices, ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(variables, x, arrays, key);
      return tree.ref(variables.state);
    },

    codes(variables, indices) {
      using _ = owns(variables, indices);
      return decode(tree.ref(variables), indices.ref);
    },

    decode(variables, indices, masks = {}) {
      using _ = owns(variables, indices, masks);
      const output = decode(tree.ref(variables), indices.ref);
      return zeroMasked(output, tree.ref(masks), indices.shape, layout);
    },

    codebook,
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
