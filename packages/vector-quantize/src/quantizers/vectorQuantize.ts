import { blockUntilReady, numpy as np, random, tree } from "@jax-js/jax";
import type { CodebookState } from "../codebook/codebook.ts";
import { replacesDeadCodes } from "../codebook/deadCodes.ts";
import { clusters } from "../codebook/kmeans.ts";
import { codebookOfClusters } from "../codebook/move.ts";
import { statisticsOnKernels } from "../codebook/statistics.ts";
import { expected, VectorQuantizeError } from "../errors.ts";
import { zeroMasked } from "../layout/mask.ts";
import { nearestOnKernels, onKernels } from "../search/kernel.ts";
import { jitByMode, jitted, owns } from "../tree.ts";
import { guarded } from "./guard.ts";
import { applyGraph, stepCodebook } from "./vectorQuantize/apply.ts";
import { type ApplyMode, drawingsOf } from "./vectorQuantize/applyMode.ts";
import {
  bookkeeping,
  storedCodes,
  type VectorQuantizeVariables,
  withStoredCodes,
} from "./vectorQuantize/books.ts";
import { checkKey, checkTemperature, checkTopk } from "./vectorQuantize/checks.ts";
import type { MoveOptions, VectorQuantizer } from "./vectorQuantize/contract.ts";
import { type Call, vectorQuantizeGraph } from "./vectorQuantize/graph.ts";
import { initVectorQuantize } from "./vectorQuantize/init.ts";
import type { MoveMode } from "./vectorQuantize/move.ts";
import {
  trainsApart,
  type VectorQuantizeOptions,
  vectorQuantizeTable,
} from "./vectorQuantize/options.ts";
import { plainPass } from "./vectorQuantize/pass.ts";

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
  const { dim, codebookDim, codebookSize, heads, metric, layout } = options;
  const deal = bookkeeping(options);
  const graph = vectorQuantizeGraph(options);
  const encode = jitted(graph.encode);
  const codes = jitted(graph.codes);
  const decode = jitted(graph.decode);
  const sample = jitted(graph.sample);
  const query = jitted(graph.query);
  const found = jitted(graph.found);
  const count = jitted(graph.count);
  const statistics = jitted(graph.statistics);
  const stored = jitted(storedCodes);
  const replaceCodes = jitted(withStoredCodes);
  const follow = jitted(graph.follow);
  const expire = jitted(graph.expire);
  const step = jitted((variables: VectorQuantizeVariables) => stepCodebook(options, variables));
  const move = jitByMode(graph.move);
  const run = jitByMode(applyGraph(options));
  const plainly = plainPass(options);

  const checkWeight = (name: string, weight: np.Array | undefined) => {
    const perCode = deal.books === 1 ? [codebookSize] : [heads, codebookSize];
    if (weight && String(weight.shape) !== String(perCode)) {
      const where = `vectorQuantize.${name}: shape of emaUpdateWeight`;
      throw expected(where, JSON.stringify(perCode), weight.shape);
    }
  };

  const moveMode = ({ emaUpdate, accumEmaUpdate }: MoveOptions): MoveMode => ({
    emaUpdate: emaUpdate ?? options.emaUpdate,
    accumulate: accumEmaUpdate ?? false,
  });

  const quantizer: VectorQuantizer = {
    config,
    dim,
    codebookSizes: Array.from({ length: heads }, () => codebookSize),
    trainsApart: trainsApart(options),

    init: (key) => initVectorQuantize(options, key),

    async fit(variables, x, fitOptions = {}) {
      const {
        iterations = options.kmeansIters,
        key = random.key(0),
        warn = console.warn,
        ...masks
      } = fitOptions;
      using _ = owns(variables, x, masks, key);
      const keys = deal.books === 1 ? [key.ref] : [...random.split(key.ref, deal.books)];
      const parts = sample(tree.ref({ variables, x, ...masks }));
      const fitted: CodebookState[] = [];
      using _held = owns(keys, parts, fitted);
      for (const [book, { vectors, usable }] of parts.entries()) {
        const own = {
          K: codebookSize,
          iterations,
          metric,
          key: (keys[book] as np.Array).ref,
          warn,
        };
        fitted.push(codebookOfClusters(options, await clusters(vectors.ref, usable.ref, own)));
      }
      const { codebook, ...averages } = deal.join(tree.ref(fitted));
      const { clusterSize, codeSums, ...rest } = tree.ref(variables.state);
      tree.dispose([clusterSize, codeSums]);
      const state = replaceCodes(
        { params: tree.ref(variables.params), state: { ...rest, ...averages } },
        codebook,
      );
      await blockUntilReady(state);
      return { params: tree.ref(variables.params), state };
    },

    apply(variables, x, callOptions = {}) {
      const {
        training = false,
        freezeCodebook,
        temperature,
        topk = 0,
        codebookTransform,
        accumEmaUpdate,
        emaUpdate,
        moveState = callOptions.indices === undefined,
        key,
        ...arrays
      } = callOptions;
      using _ = owns(variables, x, arrays, key);
      checkWeight("apply", arrays.emaUpdateWeight);
      if (topk !== 0) checkTopk("vectorQuantize.apply", topk, options);
      const given = arrays.indices !== undefined;
      const degrees = temperature ?? options.sampleCodebookTemp;
      checkTemperature("vectorQuantize.apply", degrees, options);
      const frozen = freezeCodebook ?? options.freezeCodebook;
      const sampled = training && options.stochasticSampleCodes && degrees > 0 && !given;
      const mode: ApplyMode = {
        training,
        frozen,
        moves: training && moveState && !frozen && topk === 0,
        sampled,
        topk,
        ...moveMode({
          ...(emaUpdate !== undefined && { emaUpdate }),
          ...(accumEmaUpdate !== undefined && { accumEmaUpdate }),
        }),
      };
      const drawings = drawingsOf(options, mode);
      checkKey("vectorQuantize.apply", key, drawings[0]);
      const warm = sampled || options.gradient === "gumbel";
      const call: Call = {
        ...tree.ref({ variables, x, ...arrays }),
        ...(key && drawings.length > 0 && { key: key.ref }),
        ...(training && warm && { temperature: np.array(degrees) }),
      };
      return run(call, mode, codebookTransform);
    },

    async encode(variables, x, masks = {}) {
      using _ = owns(variables, x, masks);
      if (!onKernels(x)) return blockUntilReady(encode(tree.ref({ variables, x, ...masks })));
      const { vectors, codes } = query(tree.ref({ variables, x }));
      const indices = [];
      for (const [book, rows] of vectors.entries()) {
        const nearest = await nearestOnKernels(rows, codes[book] as np.Array, metric);
        indices.push(np.array(nearest));
      }
      return blockUntilReady(found(x.ref, indices, tree.ref(masks)));
    },

    async update(variables, x, indices, updateOptions = {}) {
      const { key, emaUpdate, accumEmaUpdate, ...arrays } = updateOptions;
      using _ = owns(variables, x, indices, arrays, key);
      checkWeight("update", arrays.emaUpdateWeight);
      if (options.freezeCodebook) return tree.ref(variables.state);
      const mode = moveMode({
        ...(emaUpdate !== undefined && { emaUpdate }),
        ...(accumEmaUpdate !== undefined && { accumEmaUpdate }),
      });
      const replaces = replacesDeadCodes(options.thresholdEmaDeadCode) && !mode.accumulate;
      checkKey("vectorQuantize.update", key, replaces ? "replace" : undefined);
      const { emaUpdateWeight, ...counted } = arrays;
      const batch = count(tree.ref({ variables, x, indices, ...counted }));
      const counts = onKernels(x)
        ? await statisticsOnKernels(batch.vectors, batch.indices, codebookSize)
        : statistics(tree.ref({ vectors: batch.vectors, indices: batch.indices }));
      const state = move(
        {
          ...batch,
          params: tree.ref(variables.params),
          statistics: counts,
          ...(emaUpdateWeight && { weight: emaUpdateWeight.ref }),
          ...(key && replaces && { key: key.ref }),
        },
        mode,
      );
      await blockUntilReady(state);
      return state;
    },

    ...(plainly && {
      plain: plainly.plain,
      async pass(variables, x, { key } = {}) {
        using _ = owns(variables, x, key);
        checkKey(
          "vectorQuantize.pass",
          key,
          plainly.plain.replacesDeadCodes ? "replace" : undefined,
        );
        return await plainly.pass(variables, x.ref, key);
      },
    }),

    codes(variables, indices) {
      using _ = owns(variables, indices);
      return codes(tree.ref(variables), indices.ref);
    },

    decode(variables, indices, masks = {}) {
      using _ = owns(variables, indices, masks);
      const positions = heads === 1 ? indices.shape : indices.shape.slice(0, -1);
      const output = decode(tree.ref(variables), indices.ref);
      return zeroMasked(output, tree.ref(masks), positions, layout);
    },

    codebook: (variables) => stored(variables),

    withCodebook(variables, next) {
      using _ = owns(variables, next);
      const shape =
        deal.books === 1 ? [codebookSize, codebookDim] : [heads, codebookSize, codebookDim];
      if (String(next.shape) !== String(shape)) {
        throw expected(
          "vectorQuantize.withCodebook: shape of codes",
          JSON.stringify(shape),
          next.shape,
        );
      }
      const { params, state } = tree.ref(variables);
      tree.dispose([state.clusterSize, state.codeSums]);
      const clusterSize = np.ones(shape.slice(0, -1));
      const afresh = { ...state, clusterSize, codeSums: next.ref };
      return { params: tree.ref(params), state: replaceCodes({ params, state: afresh }, next.ref) };
    },

    followAverages: (variables) => follow(variables),

    expire(variables, x, { key, ...masks }) {
      using _ = owns(variables, x, masks, key);
      if (!replacesDeadCodes(options.thresholdEmaDeadCode)) return tree.ref(variables.state);
      checkKey("vectorQuantize.expire", key, "replace");
      return expire(tree.ref({ variables, x, key, ...masks }));
    },

    stepCodebookOptimizer(variables) {
      if (!options.inPlaceCodebookOptimizer) {
        tree.dispose(variables);
        throw new VectorQuantizeError(
          "vectorQuantize.stepCodebookOptimizer: expected the option inPlaceCodebookOptimizer, got none",
        );
      }
      return step(variables);
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
