import { type numpy as np, tree } from "@jax-js/jax";
import { replacesDeadCodes } from "../codebook/deadCodes.ts";
import { checkInteger, checkNumber, expected } from "../errors.ts";
import { directionalReparametrisation } from "../gradients/directional.ts";
import type { Quantizer, Variables } from "./contract.ts";
import { unguarded } from "./guard.ts";
import {
  checkDropout,
  dropoutOf,
  dropoutOptions,
  type QuantizeDropoutOptions,
} from "./residual/dropout.ts";
import { implicitCodes } from "./residual/implicit.ts";
import { type ResidualQuantizer, residualOf } from "./residual.ts";
import { drawingsOf } from "./vectorQuantize/apply.ts";
import type { VectorQuantizeVariables } from "./vectorQuantize/books.ts";
import { checkKey, completeOptions } from "./vectorQuantize/checks.ts";
import { savedOptions, trainsApart, type VectorQuantizeOptions } from "./vectorQuantize/options.ts";
import { type VectorQuantizer, vectorQuantize } from "./vectorQuantize.ts";

/** Options of `residualVQ`: its own, and those of its layers. */
export interface ResidualVQOptions
  extends Omit<
      VectorQuantizeOptions,
      "codebookSize" | "heads" | "separateCodebookPerHead" | "layernormAfterProjectIn"
    >,
    QuantizeDropoutOptions {
  /** Number of layers, `Q`. Default: as many as codebook sizes are given. */
  numQuantizers?: number;
  /** Codes of every layer, or of each. */
  codebookSize: number | readonly number[];
  /** Whether all layers use one codebook, which then moves once a step. Default false. */
  sharedCodebook?: boolean;
  /** Codes made by a network from what the layers before quantized (QINCo). Default false. */
  implicitNeuralCodebook?: boolean;
  /** Its residual blocks (`mlp_kwargs.depth`) and their features. Default 4, and `codebookDim`. */
  implicitDepth?: number;
  implicitHidden?: number;
  /** Paths that the search keeps in training. Default 1. */
  beamSize?: number;
  /** Paths that it keeps in evaluation. Default `beamSize`. */
  evalBeamSize?: number;
  /** Weights of the layers in the score of a path. Default 1 each. */
  beamScoreQuantizerWeights?: readonly number[];
  /** Share of the gradient that later layers send to earlier ones. Default 0. */
  quantGradFrac?: number;
}

const own = [
  "numQuantizers",
  "codebookSize",
  "sharedCodebook",
  ...dropoutOptions,
  "implicitNeuralCodebook",
  "implicitDepth",
  "implicitHidden",
  "beamSize",
  "evalBeamSize",
  "beamScoreQuantizerWeights",
  "quantGradFrac",
] as const;

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
  const where = "residualVQ";
  const { sizes, layerOptions } = splitOptions(where, given);
  const Q = sizes.length;
  const {
    dim,
    codebookDim = dim,
    layout = "channelLast",
    maskedOutput = "zeros",
    sharedCodebook: shared = false,
    beamSize = 1,
    evalBeamSize = beamSize,
    beamScoreQuantizerWeights = sizes.map(() => 1),
  } = given;
  const dropout = dropoutOf(given);
  const directional = given.gradient === "directional";
  const implicitSizes = {
    depth: given.implicitDepth ?? 4,
    hidden: given.implicitHidden ?? codebookDim,
  };
  checkDropout(where, given, Q);
  checkInteger(`${where}: beamSize`, beamSize);
  checkInteger(`${where}: evalBeamSize`, evalBeamSize);
  checkNumber(`${where}: quantGradFrac`, given.quantGradFrac ?? 0, 0, 1);
  checkInteger(`${where}: implicitDepth`, implicitSizes.depth);
  checkInteger(`${where}: implicitHidden`, implicitSizes.hidden);
  if (beamScoreQuantizerWeights.length !== Q) {
    throw expected(
      `${where}: beamScoreQuantizerWeights`,
      `${Q} weights, one per layer`,
      beamScoreQuantizerWeights,
    );
  }
  if (shared && new Set(sizes).size > 1) {
    throw expected(`${where}: codebookSize with sharedCodebook`, "one size for all layers", sizes);
  }

  const base = baseOf(given, sizes, layerOptions);
  const complete = completeOptions(base);
  // A shared codebook only gathers statistics in the layers; it moves after the last.
  const waiting = {
    manualEmaUpdate: true,
    thresholdEmaDeadCode: 0,
    manualInPlaceOptimizerUpdate: true,
  };
  const keeper = shared ? unguarded(vectorQuantize(base)) : undefined;
  const layers = shared
    ? Array.from(sizes, () => layerOf({ ...base, ...waiting }))
    : sizes.map((codebookSize) => layerOf({ ...base, codebookSize }));

  const plainLayers = layers.flatMap((layer) => (layer as VectorQuantizer).plain ?? []);
  const plain =
    searchesPlainly(complete, given) &&
    plainLayers.length === Q &&
    !(shared || dropout || directional || given.quantGradFrac);

  return residualOf({
    config: { type: where, ...savedOptions(given as never) },
    dim,
    innerDim: codebookDim,
    layers: shared ? layers.map(() => layers[0] as Quantizer) : layers,
    shared,
    layout,
    maskedOutput,
    gradientFraction: directional ? 1 : (given.quantGradFrac ?? 0),
    ...(dropout && { dropout }),
    beam: { training: beamSize, evaluation: evalBeamSize },
    takesTargets: true,
    frozen: given.freezeCodebook ?? false,
    checkKey: (at, key, { training, moves, temperature = complete.sampleCodebookTemp }) => {
      const sampled = training && complete.stochasticSampleCodes && temperature > 0;
      const step = { emaUpdate: true, accumulate: false, frozen: !moves, topk: 0 };
      const [drawing] = drawingsOf(complete, { training, moves, sampled, ...step });
      checkKey(at, key, drawing ?? (training && directional ? "noise" : undefined));
    },
    beamWeights: beamScoreQuantizerWeights,
    trainsApart: trainsApart(complete) && !dropout && beamSize === evalBeamSize,
    ...(plain && { plainLayers }),
    ...(searchesPlainly(complete, given) && {
      codebooks: ({ params, state }) =>
        layers.map((layer, at) =>
          (unguarded(layer) as VectorQuantizer).codebook(
            tree.ref({
              params: params.layers[shared ? 0 : at],
              state: state.layers[shared ? 0 : at],
            }) as VectorQuantizeVariables,
          ),
        ),
    }),
    ...(given.implicitNeuralCodebook && {
      implicit: implicitCodes,
      implicitSizes,
    }),
    ...(directional && {
      around: (x, sum, key) =>
        directionalReparametrisation(x, sum, given.directionalReparamVariance ?? 5e-3, key),
    }),
    ...(keeper && { finish: finishShared }),
  });

  /** What a shared codebook does once a step: follow its averages, step, replace dead codes. */
  function finishShared(
    variables: Variables,
    residuals: np.Array,
    mask: np.Array,
    key: np.Array | undefined,
  ) {
    const shared = keeper as NonNullable<typeof keeper>;
    const { params, state } = variables as VectorQuantizeVariables;
    const whole = (moved: typeof state): VectorQuantizeVariables => ({
      params: tree.ref(params),
      state: moved,
    });
    let moved =
      complete.emaUpdate && !complete.manualEmaUpdate ? shared.followAverages(whole(state)) : state;
    if (base.inPlaceCodebookOptimizer && !given.manualInPlaceOptimizerUpdate) {
      moved = shared.stepCodebookOptimizer(whole(moved));
    }
    if (!replacesDeadCodes(complete.thresholdEmaDeadCode)) return moved;
    return shared.expire(whole(moved), residuals, { key: key as np.Array, mask });
  }
}

/** Whether the layers compare by Euclidean distance to their codes as stored. */
function searchesPlainly(
  { metric, affineParam, vqBridge }: ReturnType<typeof completeOptions>,
  { implicitNeuralCodebook = false }: ResidualVQOptions,
): boolean {
  return metric === "euclidean" && !affineParam && !vqBridge && !implicitNeuralCodebook;
}

const layerOf = (options: VectorQuantizeOptions): Quantizer => vectorQuantize(options) as Quantizer;

/** The options of each layer, as `vectorQuantize` takes them. */
export function residualLayerOptions(given: ResidualVQOptions): VectorQuantizeOptions[] {
  const { sizes, layerOptions } = splitOptions("residualVQ", given);
  const base = baseOf(given, sizes, layerOptions);
  return sizes.map((codebookSize) => ({ ...base, codebookSize }));
}

function baseOf(
  given: ResidualVQOptions,
  sizes: readonly number[],
  layerOptions: Omit<VectorQuantizeOptions, "codebookSize">,
): VectorQuantizeOptions {
  const { codebookDim = given.dim } = given;
  return {
    ...layerOptions,
    dim: codebookDim,
    codebookDim,
    layout: "channelLast",
    maskedOutput: "zeros",
    codebookSize: sizes[0] as number,
    ...(given.implicitNeuralCodebook && { learnableCodebook: true, emaUpdate: false }),
    ...(given.gradient === "directional" && {
      gradient: "none" as const,
      learnableCodebook: true,
      emaUpdate: false,
      commitmentWeight: 0,
    }),
  };
}

/** The codebook sizes of the layers, and the options that are theirs. */
function splitOptions(where: string, given: ResidualVQOptions) {
  const { codebookSize, numQuantizers } = given;
  const sizes =
    typeof codebookSize === "number"
      ? Array.from({ length: numQuantizers ?? 0 }, () => codebookSize)
      : [...codebookSize];
  if (numQuantizers !== undefined) checkInteger(`${where}: numQuantizers`, numQuantizers);
  if (sizes.length === 0) {
    throw expected(`${where}: numQuantizers`, "the number of layers", numQuantizers);
  }
  if (numQuantizers !== undefined && sizes.length !== numQuantizers) {
    throw expected(`${where}: codebookSize`, `${numQuantizers} sizes, one per layer`, sizes);
  }
  for (const option of ["heads", "separateCodebookPerHead", "layernormAfterProjectIn"]) {
    if (option in given) {
      const value = given[option as keyof ResidualVQOptions];
      throw expected(`${where}: option ${option}`, "none; a layer has one head", value);
    }
  }
  const mine: readonly string[] = own;
  const layerOptions = Object.fromEntries(
    Object.entries(given).filter(([name]) => !mine.includes(name)),
  ) as Omit<VectorQuantizeOptions, "codebookSize">;
  return { sizes, layerOptions };
}
