import { blockUntilReady, jit, numpy as np, random, tree } from "@jax-js/jax";
import { type CodebookState, initCodebook } from "../codebook/codebook.ts";
import { replacesDeadCodes } from "../codebook/deadCodes.ts";
import { kmeansInGraph } from "../codebook/kmeans.ts";
import { codebookOfClusters } from "../codebook/move.ts";
import { checkInteger, expected } from "../errors.ts";
import { checkInput, positionShape } from "../layout/layout.ts";
import { checkMask } from "../layout/mask.ts";
import { initProjection } from "../layout/projection.ts";
import { owns } from "../tree.ts";
import type { Quantizer } from "./contract.ts";
import {
  type Call,
  type VectorQuantizeParams,
  vectorQuantizeGraph,
} from "./vectorQuantizeGraph.ts";
import {
  checkKey,
  completeOptions,
  savedOptions,
  type VectorQuantizeOptions,
} from "./vectorQuantizeOptions.ts";

/** A `vectorQuantize` quantizer: its state is the codebook with its moving averages. */
export type VectorQuantizer = Quantizer<VectorQuantizeParams, CodebookState>;

/**
 * Vector quantization with a codebook that follows the data by moving averages.
 *
 * Each vector gets the index of its nearest code: `argmin_k |x - c_k|` (`euclidean`) or
 * `argmax_k x . c_k` of unit vectors (`cosine`); equal distances go to the lowest index. In training
 * the loss is `commitmentWeight * commitment`, gradients pass by the rotation trick or straight
 * through, and the codes move to the means of the vectors they got.
 *
 * A vector with NaN or infinity gets index -1, comes out as NaN, and never moves a code.
 *
 * ```ts
 * const quantizer = vectorQuantize({ dim: 64, codebookSize: 512 });
 * const variables = quantizer.init(random.key(0));
 * const { quantized, indices, loss, state } = quantizer.apply(variables, x, { training: true });
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: van den Oord et al., "Neural Discrete Representation Learning", 2017,
 * https://arxiv.org/abs/1711.00937. The reference's class is `VectorQuantize`.
 */
export function vectorQuantize(given: VectorQuantizeOptions): VectorQuantizer {
  const options = completeOptions(given);
  const { dim, codebookDim, codebookSize, metric, layout } = options;
  const graph = vectorQuantizeGraph(options);
  const evaluate = jit(graph.evaluate);
  const encode = jit(graph.encode);
  const update = jit(graph.update);
  const codes = jit(graph.codes);
  const decode = jit(graph.decode);
  const sample = jit(graph.sample);
  const trainWith = (frozen: boolean) => ({
    nearest: jit((call: Call) => graph.train(call, { frozen, sampled: false })),
    sampled: jit((call: Call) => graph.train(call, { frozen, sampled: true })),
  });
  const trainMoving = trainWith(false);
  const trainFrozen = trainWith(true);

  const checkCall = (name: string, x: np.Array, { indices, ...masks }: Partial<Call>) => {
    const where = `vectorQuantize.${name}`;
    checkInput(where, x.shape, layout, dim);
    const positions = positionShape(x.shape, layout);
    checkMask(where, masks, positions);
    if (indices && String(indices.shape) !== String(positions)) {
      throw expected(`${where}: shape of indices`, JSON.stringify(positions), indices.shape);
    }
  };

  return {
    config: { type: "vectorQuantize", ...savedOptions(given) },
    dim,
    codebookSizes: [codebookSize],

    init(key) {
      const [codebookKey, inKey, outKey] = [...random.split(key, 3)] as [
        np.Array,
        np.Array,
        np.Array,
      ];
      const state = initCodebook(codebookKey, codebookSize, codebookDim, metric);
      if (codebookDim === dim) {
        tree.dispose([inKey, outKey]);
        return { params: {}, state };
      }
      const projectIn = initProjection(inKey, dim, codebookDim);
      const projectOut = initProjection(outKey, codebookDim, dim);
      return { params: { projectIn, projectOut }, state };
    },

    async fit(variables, x, given = {}) {
      const { iterations = options.kmeansIters, key = random.key(0), ...masks } = given;
      using _ = owns(variables, x, masks, key);
      checkCall("fit", x, masks);
      checkInteger("vectorQuantize.fit: iterations", iterations);
      const { vectors, usable } = sample(tree.ref({ variables, x, ...masks }));
      const clusters = await kmeansInGraph(
        vectors,
        usable,
        codebookSize,
        iterations,
        metric,
        key.ref,
      );
      const state = codebookOfClusters(options, clusters);
      await blockUntilReady(state);
      return { params: tree.ref(variables.params), state };
    },

    apply(variables, x, given = {}) {
      const { training = false, freezeCodebook, temperature, key, ...arrays } = given;
      using _ = owns(variables, x, arrays, key);
      checkCall("apply", x, arrays);
      const call: Call = tree.ref({ variables, x, ...arrays });
      if (!training) {
        const zero = np.zeros([]);
        return {
          ...evaluate(call),
          loss: zero.ref,
          losses: { commitment: zero },
          state: tree.ref(variables.state),
        };
      }
      const degrees = temperature ?? options.sampleCodebookTemp;
      const frozen = arrays.indices !== undefined || (freezeCodebook ?? options.freezeCodebook);
      const sampled = options.stochasticSampleCodes && degrees > 0 && !arrays.indices;
      const replaces = !frozen && replacesDeadCodes(options.thresholdEmaDeadCode);
      checkKey("vectorQuantize.apply", key, sampled, replaces);
      const train = frozen ? trainFrozen : trainMoving;
      return train[sampled ? "sampled" : "nearest"]({
        ...call,
        ...(key && (sampled || replaces) && { key: key.ref }),
        ...(sampled && { temperature: np.array(degrees) }),
      });
    },

    async encode(variables, x, masks = {}) {
      using _ = owns(variables, x, masks);
      checkCall("encode", x, masks);
      return blockUntilReady(encode(tree.ref({ variables, x, ...masks })));
    },

    async update(variables, x, indices, { key, ...masks } = {}) {
      using _ = owns(variables, x, indices, masks, key);
      checkCall("update", x, { indices, ...masks });
      if (options.freezeCodebook) return tree.ref(variables.state);
      const replaces = replacesDeadCodes(options.thresholdEmaDeadCode);
      checkKey("vectorQuantize.update", key, false, replaces);
      const call: Call = tree.ref({ variables, x, indices, ...masks });
      return blockUntilReady(update({ ...call, ...(key && replaces && { key: key.ref }) }));
    },

    codes: (variables, indices) => codes(variables, indices),

    decode: (variables, indices) => decode(variables, indices),
  };
}
