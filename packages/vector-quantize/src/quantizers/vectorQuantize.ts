import { blockUntilReady, numpy as np, random, tree } from "@jax-js/jax";
import type { CodebookState } from "../codebook/codebook.ts";
import { replacesDeadCodes } from "../codebook/deadCodes.ts";
import { clusters } from "../codebook/kmeans.ts";
import { codebookOfClusters } from "../codebook/move.ts";
import { statisticsOnKernels, statisticsOnShaders } from "../codebook/statistics.ts";
import { expected, VectorQuantizeError } from "../errors.ts";
import { zeroMasked } from "../layout/mask.ts";
import { byPath } from "../paths.ts";
import { codebookComparison, codebookEncoder } from "../search/codebookEncoder.ts";
import { jitByMode, jittedAll, owns } from "../tree.ts";
import { checkKey } from "./checkKey.ts";
import { guarded } from "./guard.ts";
import { searchedPasses } from "./kernelPass.ts";
import { applyGraph } from "./vectorQuantize/apply.ts";
import { type ApplyMode, drawingsOf, drawnBy } from "./vectorQuantize/applyMode.ts";
import type {
  VectorQuantizeParams,
  VectorQuantizeState,
  VectorQuantizeVariables,
} from "./vectorQuantize/books.ts";
import { checkTemperature, checkTopk } from "./vectorQuantize/checks.ts";
import type { VectorQuantizer } from "./vectorQuantize/contract.ts";
import { type Call, isDirect, partsOf, vectorQuantizeGraph } from "./vectorQuantize/graph.ts";
import { initVectorQuantize } from "./vectorQuantize/init.ts";
import type { CountedBatch, MoveMode } from "./vectorQuantize/move.ts";
import {
  trainsApart,
  type VectorQuantizeOptions,
  vectorQuantizeTable,
} from "./vectorQuantize/options.ts";
import { searchedCodebook } from "./vectorQuantize/searched.ts";

export type {
  MoveOptions,
  VectorQuantizeApplyOptions,
  VectorQuantizer,
} from "./vectorQuantize/contract.ts";

/**
 * Vector quantization with a codebook that follows the data by moving averages or by gradients.
 *
 * Each vector gets the index of its nearest code: `argmin_k |x - c_k|` (`euclidean`) or
 * `argmax_k x . c_k` of unit vectors (`cosine`); equal distances go to the lowest index. In training
 * the loss is the weighted sum of the commitment, diversity and orthogonal losses, gradients pass
 * by the rotation trick or another `gradient`, and the codes move to the means of the vectors they
 * got.
 *
 * A vector with NaN, infinity or a number of 2^50 or more gets index -1, comes out as NaN, and never
 * moves a code.
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
  const { options, config } = vectorQuantizeTable.read(given);
  const { codebookDim, codebookSize, heads, metric, layout, thresholdEmaDeadCode } = options;
  const parts = partsOf(options);
  const { deal, inMotion } = parts;
  const graph = vectorQuantizeGraph(parts);
  const compiled = {
    ...jittedAll({
      ...graph,
      step: parts.inPlaceSteps.step,
    }),
    move: jitByMode(
      ({ params, state, ...batch }: VectorQuantizeVariables & CountedBatch, mode: MoveMode) =>
        inMotion.move({ params, state }, batch, mode),
    ),
    apply: jitByMode(applyGraph(parts)),
  };
  const encode = codebookEncoder({ metric, ...graph });
  const searched = searchedCodebook(parts, compiled.move);
  const passes =
    searched &&
    searchedPasses<VectorQuantizeParams, VectorQuantizeState>({
      layout,
      direct: isDirect(options),
      layers: [searched],
      metric,
      beam: 1,
      beamWeights: [1],
      lossShape: [],
      shapeOfIndices: parts.shapeOfIndices,
      codebooks: (variables) => [compiled.stored(variables)],
      enter: (params, x) => parts.toBooks(params, x)[0] as np.Array, // [M, C]
      leave: (params, sum, positions) => parts.fromBooks(params, [sum], positions),
      variablesAt: (variables) => variables,
      checkKey(key) {
        checkKey("vectorQuantize.pass", key, searched.replacesDeadCodes && drawnBy.replace);
      },
      keysOf: (key) => [key],
      stateOf: ([state]) => state as VectorQuantizeState,
    });
  const perCode = deal.books === 1 ? [codebookSize] : [heads, codebookSize];
  const replaces = replacesDeadCodes(thresholdEmaDeadCode);

  /** Throws unless `array` has that shape. */
  const checkShape = (what: string, array: np.Array | undefined, shape: number[]) => {
    if (array && String(array.shape) !== String(shape)) {
      throw expected(`vectorQuantize.${what}`, JSON.stringify(shape), array.shape);
    }
  };

  const quantizer: VectorQuantizer = {
    config,
    dim: options.dim,
    codebookSizes: Array.from({ length: heads }, () => codebookSize),
    trainsApart: trainsApart(options),

    init: (key) => initVectorQuantize(parts, key.ref),

    async fit(variables, x, fitOptions = {}) {
      const { iterations = options.kmeansIters, warn = console.warn, key, ...masks } = fitOptions;
      const first = key?.ref ?? random.key(0);
      const keys = deal.books === 1 ? [first] : [...random.split(first, deal.books)];
      const samples = compiled.sample(tree.ref({ variables, x, ...masks }));
      const fitted: CodebookState[] = [];
      using _ = owns(keys, samples, fitted);
      for (const [book, { vectors, usable }] of samples.entries()) {
        const own = (keys[book] as np.Array).ref;
        const how = { K: codebookSize, iterations, metric, key: own, warn };
        fitted.push(codebookOfClusters(options, await clusters(vectors.ref, usable.ref, how)));
      }
      const { codebook, ...averages } = deal.join(tree.ref(fitted));
      const { clusterSize: _size, codeSums: _sums, ...rest } = variables.state;
      const state = compiled.replaceCodes(
        { params: tree.ref(variables.params), state: { ...tree.ref(rest), ...averages } },
        codebook,
      );
      await blockUntilReady(state);
      return { params: tree.ref(variables.params), state };
    },

    apply(variables, x, callOptions = {}) {
      const {
        training = false,
        freezeCodebook: frozen = options.freezeCodebook,
        temperature = options.sampleCodebookTemp,
        topk = 0,
        codebookTransform,
        accumEmaUpdate: accumulate = false,
        emaUpdate = options.emaUpdate,
        moveState = callOptions.indices === undefined,
        key,
        ...arrays
      } = callOptions;
      checkShape("apply: shape of emaUpdateWeight", arrays.emaUpdateWeight, perCode);
      if (topk !== 0) checkTopk("vectorQuantize.apply", topk, options);
      checkTemperature("vectorQuantize.apply", temperature, options);
      const draws = training && options.stochasticSampleCodes && temperature > 0;
      const mode: ApplyMode = {
        training,
        frozen,
        moves: training && moveState && !frozen && topk === 0,
        sampled: draws && arrays.indices === undefined,
        topk,
        emaUpdate,
        accumulate,
      };
      const [drawing] = drawingsOf(options, mode);
      checkKey("vectorQuantize.apply", key, drawing && drawnBy[drawing]);
      const warm = mode.sampled || options.gradient === "gumbel";
      const call: Call = {
        ...tree.ref({ variables, x, ...arrays }),
        ...(key && drawing && { key: key.ref }),
        ...(training && warm && { temperature: np.array(temperature) }),
      };
      return compiled.apply(call, mode, codebookTransform);
    },

    encode: (variables, x, masks = {}) => encode(variables, x, masks),

    async update(variables, x, indices, updateOptions = {}) {
      const {
        key,
        emaUpdate = options.emaUpdate,
        accumEmaUpdate: accumulate = false,
        emaUpdateWeight: weight,
        ...masks
      } = updateOptions;
      checkShape("update: shape of emaUpdateWeight", weight, perCode);
      if (options.freezeCodebook) return tree.ref(variables.state);
      const draws = replaces && !accumulate;
      checkKey("vectorQuantize.update", key, draws && drawnBy.replace);
      const { state, seen } = compiled.count(tree.ref({ variables, x, indices, ...masks }));
      using _ = owns(state, seen);
      const statistics = await byPath(
        x,
        () => statisticsOnKernels(seen, codebookSize),
        async () => compiled.statistics(tree.ref(seen)),
        () => statisticsOnShaders(seen, codebookSize),
      );
      const moved = compiled.move(
        {
          ...tree.ref({ params: variables.params, state }),
          statistics,
          ...(weight && { weight: weight.ref }),
          ...(key && draws && tree.ref({ replacements: seen, key })),
        },
        { emaUpdate, accumulate },
      );
      return blockUntilReady(moved);
    },

    ...(searched && { searched, ...passes }),

    ...(heads === 1 && { comparison: codebookComparison(graph.query) }),

    codes: (variables, indices) => compiled.codes(tree.ref(variables), indices.ref),

    decode(variables, indices, masks = {}) {
      const positions = heads === 1 ? indices.shape : indices.shape.slice(0, -1);
      const output = compiled.decode(tree.ref(variables), indices.ref);
      return zeroMasked(output, tree.ref(masks), positions, layout);
    },

    codebook: (variables) => compiled.stored(tree.ref(variables)),

    withCodebook({ params, state }, codes) {
      checkShape("withCodebook: shape of codes", codes, [...perCode, codebookDim]);
      const { clusterSize: _size, codeSums: _sums, ...rest } = state;
      const afresh = { ...tree.ref(rest), clusterSize: np.ones(perCode), codeSums: codes.ref };
      const own = () => tree.ref(params);
      return {
        params: own(),
        state: compiled.replaceCodes({ params: own(), state: afresh }, codes.ref),
      };
    },

    followAverages: (variables) => compiled.follow(tree.ref(variables)),

    expire(variables, x, { key, ...masks }) {
      if (!replaces) return tree.ref(variables.state);
      checkKey("vectorQuantize.expire", key, drawnBy.replace);
      return compiled.expire(tree.ref({ variables, x, key, ...masks }));
    },

    stepCodebookOptimizer(variables) {
      if (!options.inPlaceCodebookOptimizer) {
        throw new VectorQuantizeError(
          "vectorQuantize.stepCodebookOptimizer: expected the option inPlaceCodebookOptimizer, got none",
        );
      }
      return compiled.step(tree.ref(variables));
    },

    drawing({ training, moves, temperature = options.sampleCodebookTemp }) {
      const sampled = training && options.stochasticSampleCodes && temperature > 0;
      const [drawing] = drawingsOf(options, { training, moves, sampled, accumulate: false });
      return drawing && drawnBy[drawing];
    },
  };
  return guarded(quantizer, {
    layout,
    indices: { axes: heads === 1 ? [] : [heads] },
    passing: ["pending"],
    scores: ({ training }) =>
      heads * codebookSize * (training && options.emaUpdate && !options.freezeCodebook ? 2 : 1),
    takes: {
      apply: ["targets", "temperature", "freezeCodebook", "topk", "codebookTransform", ...moving],
      update: moving,
    },
  });
}

const moving = ["emaUpdate", "accumEmaUpdate", "emaUpdateWeight"];
