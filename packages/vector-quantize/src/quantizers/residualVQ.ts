import { type numpy as np, tree } from "@jax-js/jax";
import { replacesDeadCodes } from "../codebook/deadCodes.ts";
import { directionalReparametrisation } from "../gradients/directional.ts";
import type { Quantizer, Variables } from "./contract.ts";
import { unguarded } from "./guard.ts";
import { dropoutOf } from "./residual/dropout.ts";
import { implicitCodes } from "./residual/implicit.ts";
import { type ResidualQuantizer, residualOf } from "./residual.ts";
import {
  type CompleteResidualVQOptions,
  type ResidualVQOptions,
  residualLayerOptions,
  residualVQTable,
} from "./residualVQ/options.ts";
import { drawnBy } from "./vectorQuantize/applyMode.ts";
import type { VectorQuantizeVariables } from "./vectorQuantize/books.ts";
import type { VectorQuantizeOptions } from "./vectorQuantize/options.ts";
import { type VectorQuantizer, vectorQuantize } from "./vectorQuantize.ts";

export type { ResidualVQOptions } from "./residualVQ/options.ts";

/**
 * Residual vector quantization: each layer is a `vectorQuantize` of what the layers before left.
 *
 * `gradient: "directional"` works around all layers, on the sum of their codes (the reference's
 * `diveq`).
 *
 * ```ts
 * const quantizer = residualVQ({ dim: 256, numQuantizers: 8, codebookSize: 1024 });
 * const variables = await quantizer.fit(quantizer.init(random.key(0)), sample);
 * const codes = await quantizer.encode(variables, x); // [..., 8]
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: Zeghidour et al., "SoundStream", 2021, algorithm 1, https://arxiv.org/abs/2107.03312
 */
export function residualVQ(given: ResidualVQOptions): ResidualQuantizer {
  const { options, config } = residualVQTable.read(given);
  const { dim, codebookDim, layout, maskedOutput, sharedCodebook: shared, beamSize } = options;
  const { dropout } = dropoutOf(options);
  const directional = options.gradient === "directional";
  const layerOptions = residualLayerOptions(given);
  const [base] = layerOptions as [VectorQuantizeOptions];
  const { emaUpdate = options.emaUpdate } = base;
  // A shared codebook only gathers statistics in the layers; it moves after the last.
  const waiting = shared && {
    manualEmaUpdate: true,
    thresholdEmaDeadCode: 0,
    manualInPlaceOptimizerUpdate: true,
  };
  const made = new Map<unknown, VectorQuantizer>(); // layers of one size are one quantizer
  const layers = layerOptions.map((own) => {
    const layer = made.get(own.codebookSize) ?? vectorQuantize({ ...own, ...waiting });
    made.set(own.codebookSize, layer);
    return layer;
  });
  const inner = layers.map(unguarded);
  // As a codebook moves by itself.
  const keeper = shared ? unguarded(vectorQuantize(base)) : (inner[0] as VectorQuantizer);

  const searchedLayers = inner.flatMap(({ searched }) => searched ?? []);
  const bySearch =
    trainBySearch(options) &&
    searchedLayers.length === layers.length &&
    !(shared || dropout || directional || options.quantGradFrac);

  return residualOf({
    config,
    dim,
    innerDim: codebookDim,
    layers: layers as Quantizer[],
    shared,
    layout,
    maskedOutput,
    gradientFraction: directional ? 1 : options.quantGradFrac,
    ...(dropout && { dropout }),
    beam: { training: beamSize, evaluation: options.evalBeamSize },
    takesTargets: true,
    frozen: options.freezeCodebook,
    draws: (call) => keeper.drawing(call) ?? (call.training && directional && drawnBy.noise),
    beamWeights: options.beamScoreQuantizerWeights ?? layers.map(() => 1),
    trainsApart: keeper.trainsApart === true && !dropout && beamSize === options.evalBeamSize,
    ...(bySearch && { searchedLayers }),
    ...(trainBySearch(options) && {
      codebooks: ({ params, state }) =>
        inner.map((layer, at) =>
          layer.codebook(
            tree.ref({
              params: params.layers[shared ? 0 : at],
              state: state.layers[shared ? 0 : at],
            }) as VectorQuantizeVariables,
          ),
        ),
    }),
    ...(options.implicitNeuralCodebook && {
      implicit: implicitCodes,
      implicitSizes: { depth: options.implicitDepth, hidden: options.implicitHidden },
    }),
    ...(directional && {
      around: (x, sum, key) =>
        directionalReparametrisation(x, sum, options.directionalReparamVariance, key),
    }),
    ...(shared && { finish: finishShared }),
  });

  /** What a shared codebook does once a step: follow its averages, step, replace dead codes. */
  function finishShared(
    variables: Variables,
    residuals: np.Array,
    mask: np.Array,
    key: np.Array | undefined,
  ) {
    const { params, state } = variables as VectorQuantizeVariables;
    const whole = (moved: typeof state): VectorQuantizeVariables => ({
      params: tree.ref(params),
      state: moved,
    });
    let moved = emaUpdate && !options.manualEmaUpdate ? keeper.followAverages(whole(state)) : state;
    if (options.inPlaceCodebookOptimizer && !options.manualInPlaceOptimizerUpdate) {
      moved = keeper.stepCodebookOptimizer(whole(moved));
    }
    if (!replacesDeadCodes(options.thresholdEmaDeadCode)) return moved;
    return keeper.expire(whole(moved), residuals, { key: key as np.Array, mask });
  }
}

/** Whether the layers compare by Euclidean distance to their codes as stored. */
const trainBySearch = (options: CompleteResidualVQOptions): boolean =>
  options.metric === "euclidean" &&
  !(options.affineParam || options.vqBridge || options.implicitNeuralCodebook);
