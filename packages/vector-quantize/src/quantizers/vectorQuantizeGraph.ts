import { lax, numpy as np, random, tree } from "@jax-js/jax";
import { type CodebookState, lookUp } from "../codebook/codebook.ts";
import { moveCodebook } from "../codebook/move.ts";
import { rotationTrick } from "../gradients/rotation.ts";
import { straightThrough } from "../gradients/straightThrough.ts";
import { fromVectors, positionShape, toVectors } from "../layout/layout.ts";
import { fillMasked, hideMasked, maskOfVectors } from "../layout/mask.ts";
import { type Projection, project } from "../layout/projection.ts";
import { commitmentLoss } from "../losses/commitment.ts";
import {
  finiteRows,
  nearestInGraph,
  normalise,
  sampleInGraph,
  similarities,
} from "../search/graph.ts";
import type { MaskOptions, Quantized, Variables } from "./contract.ts";
import type { CompleteOptions } from "./vectorQuantizeOptions.ts";

/** Linear maps to and from the codebook's feature size, present where it is not `dim`. */
export type VectorQuantizeParams = {
  projectIn?: Projection; // [dim, codebookDim]
  projectOut?: Projection; // [codebookDim, dim]
};

export type VectorQuantizeVariables = Variables<VectorQuantizeParams, CodebookState>;

/** The arrays of one call. */
export type Call = MaskOptions & {
  variables: VectorQuantizeVariables;
  x: np.Array;
  key?: np.Array;
  indices?: np.Array;
  temperature?: np.Array;
};

/**
 * The traced functions of a `vectorQuantize` quantizer: pure, to be jitted, their arguments checked
 * before.
 */
export function vectorQuantizeGraph(options: CompleteOptions) {
  const { metric, layout } = options;

  /** The input as the codebook sees it: `[N, codebookDim]`. */
  const toCodebook = (params: VectorQuantizeParams, x: np.Array) => {
    const vectors = project(toVectors(x, layout), params.projectIn);
    return metric === "cosine" ? normalise(vectors) : vectors;
  };

  /** Codes `[N, codebookDim]` as the output at positions `[B, ...]`, in the input's layout. */
  const fromCodebook = (params: VectorQuantizeParams, codes: np.Array, positions: number[]) =>
    fromVectors(project(codes, params.projectOut), layout, positions);

  const positionsOf = (x: np.Array) => positionShape(x.shape, layout);

  const fill = (output: np.Array, x: np.Array, mask: np.Array | undefined) => {
    const padding = options.maskedOutput === "zeros" ? np.zerosLike(x) : x;
    return fillMasked(output, padding, mask, layout);
  };

  return {
    /** The vectors that k-means sees, and which of them count. */
    sample({ variables, x, ...masks }: Call) {
      const mask = maskOfVectors(masks, positionsOf(x));
      const vectors = toCodebook(variables.params, x); // [N, C]
      const finite = finiteRows(vectors.ref); // [N]
      return { vectors, usable: mask ? np.logicalAnd(finite, mask) : finite };
    },

    encode({ variables, x, ...masks }: Call): np.Array {
      const { params, state } = variables;
      const positions = positionsOf(x);
      const found = nearestInGraph(toCodebook(params, x), state.codebook, metric); // [N]
      return hideMasked(found, maskOfVectors(masks, positions)).reshape(positions);
    },

    update({ variables, x, key, indices, ...masks }: Call): CodebookState {
      const mask = maskOfVectors(masks, positionsOf(x));
      const counted = hideMasked((indices as np.Array).reshape([-1]), mask); // [N]
      const vectors = toCodebook(variables.params, x);
      return moveCodebook(options, variables.state, vectors, counted, key);
    },

    codes({ state }: VectorQuantizeVariables, indices: np.Array): np.Array {
      const positions = indices.shape;
      return fromVectors(lookUp(state.codebook, indices.reshape([-1])), layout, positions);
    },

    decode({ params, state }: VectorQuantizeVariables, indices: np.Array): np.Array {
      const positions = indices.shape;
      return fromCodebook(params, lookUp(state.codebook, indices.reshape([-1])), positions);
    },

    evaluate({ variables, x, indices, ...masks }: Call) {
      const { params, state } = variables;
      const positions = positionsOf(x);
      const mask = maskOfVectors(masks, positions);
      const found = indices
        ? indices.reshape([-1])
        : nearestInGraph(toCodebook(params, x.ref), state.codebook.ref, metric); // [N]
      const codes = lax.stopGradient(lookUp(state.codebook, found.ref)); // [N, C]
      return {
        quantized: fill(fromCodebook(params, codes, positions), x, mask?.ref),
        indices: hideMasked(found, mask).reshape(positions),
      };
    },

    train(
      { variables, x, key, indices, temperature, ...masks }: Call,
      { frozen, sampled }: { frozen: boolean; sampled: boolean },
    ): Quantized<CodebookState> {
      const { params, state } = variables;
      const positions = positionsOf(x);
      const mask = maskOfVectors(masks, positions);
      const [sampleKey, replaceKey] = sampled && key ? [...random.split(key)] : [undefined, key];
      const vectors = toCodebook(params, x.ref); // [N, C]
      const codebook = lax.stopGradient(state.codebook.ref); // [K, C]
      const logits = () => similarities(vectors.ref, codebook.ref, metric); // [N, K]

      const search = () =>
        sampled
          ? sampleInGraph(logits(), temperature as np.Array, sampleKey as np.Array)
          : nearestInGraph(vectors.ref, codebook.ref, metric);
      const found = indices ? indices.reshape([-1]) : search(); // [N]
      const counted = hideMasked(found.ref, mask?.ref); // [N]
      const codes = lookUp(codebook.ref, found); // [N, C]
      const pass = options.gradient === "rotation" ? rotationTrick : straightThrough;
      const output = fromCodebook(params, pass(vectors.ref, codes.ref), positions);

      const commitment =
        options.commitmentWeight === 0
          ? np.zeros([])
          : commitmentLoss(options.commitment, {
              vectors: vectors.ref,
              codes,
              indices: counted.ref,
              similarities: logits,
              ...(mask && { mask: mask.ref }),
            });
      return {
        quantized: fill(output, x, mask),
        indices: counted.ref.reshape(positions),
        loss: commitment.ref.mul(options.commitmentWeight),
        losses: { commitment },
        state: frozen
          ? state
          : tree.map(
              (moved: np.Array) => lax.stopGradient(moved),
              moveCodebook(options, state, lax.stopGradient(vectors), counted, replaceKey),
            ),
      };
    },
  };
}
