import { expected, VectorQuantizeError } from "../../errors.ts";
import {
  type CompleteOptions,
  type Gradient,
  type VectorQuantizeOptions,
  vectorQuantizeTable,
} from "../../quantizers/vectorQuantize/options.ts";
import {
  type Completed,
  completeKwargs,
  flagKwarg,
  maybeFlag,
  maybeNumber,
  numberKwarg,
  own,
  required,
  sharedOptions,
  withoutDefaults,
} from "../kwargs.ts";

const same = sharedOptions(vectorQuantizeTable, [
  "heads",
  "decay",
  "eps",
  "freezeCodebook",
  "kmeansIters",
  "layernormAfterProjectIn",
  "thresholdEmaDeadCode",
  "orthogonalRegWeight",
  "orthogonalRegActiveCodesOnly",
  "orthogonalRegMaxCodes",
  "codebookDiversityLossWeight",
  "codebookDiversityTemperature",
  "stochasticSampleCodes",
  "sampleCodebookTemp",
  "directionalReparamVariance",
  "manualEmaUpdate",
  "manualInPlaceOptimizerUpdate",
  "affineParam",
  "affineParamBatchDecay",
  "affineParamCodebookDecay",
  "syncUpdateV",
]);

/** The constructor options of the reference's `VectorQuantize`. */
const table = {
  dim: required,
  codebook_size: required,
  ...same.kwargs,
  codebook_dim: maybeNumber,
  heads: numberKwarg(1),
  separate_codebook_per_head: flagKwarg(false),
  kmeans_init: flagKwarg(false),
  sync_kmeans: flagKwarg(true),
  use_cosine_sim: flagKwarg(false),
  channel_last: flagKwarg(true),
  accept_image_fmap: flagKwarg(false),
  accept_3d_fmap: flagKwarg(false),
  commitment_weight: numberKwarg(1),
  commitment_use_cross_entropy_loss: flagKwarg(false),
  straight_through: flagKwarg(false),
  rotation_trick: maybeFlag,
  directional_reparam: flagKwarg(false),
  sync_codebook: maybeFlag,
  sync_affine_param: flagKwarg(false),
  ema_update: maybeFlag,
  vq_bridge: own,
  learnable_codebook: maybeFlag,
  in_place_codebook_optimizer: own,
  return_zeros_for_masked_padding: flagKwarg(true),
  route_gradients_to_input: flagKwarg(true),
};

type Kwargs = Completed<typeof table>;

const from = "fromTorch VectorQuantize";
const to = "toTorch vectorQuantize";

/**
 * The reference's constructor options as ours.
 *
 * What only several processes need (`sync_kmeans`, `sync_codebook`, `sync_affine_param`) has no
 * effect on one and is left out, as is `kmeans_init`, which is a call of `fit` here.
 */
export function optionsOf(given: Record<string, unknown>): VectorQuantizeOptions {
  const kwargs = completeKwargs(from, given, table);
  checkOwn(kwargs);
  const directional = kwargs.directional_reparam;
  return onlyChanged({
    ...same.ours(kwargs),
    dim: kwargs.dim,
    codebookSize: kwargs.codebook_size,
    codebookDim: kwargs.codebook_dim ?? kwargs.dim,
    // One head has one codebook either way.
    separateCodebookPerHead: kwargs.separate_codebook_per_head && kwargs.heads > 1,
    metric: kwargs.use_cosine_sim ? "cosine" : "euclidean",
    layout: layoutOf(kwargs),
    emaUpdate: kwargs.ema_update ?? !directional,
    learnableCodebook: kwargs.learnable_codebook ?? directional,
    commitmentWeight: directional ? 0 : kwargs.commitment_weight,
    commitment: kwargs.commitment_use_cross_entropy_loss ? "crossEntropy" : "squaredError",
    gradient: gradientOf(kwargs),
    maskedOutput: kwargs.return_zeros_for_masked_padding ? "zeros" : "input",
  });
}

/** The options without those that our defaults say anyway. */
function onlyChanged(options: VectorQuantizeOptions): VectorQuantizeOptions {
  const { dim, codebookSize, gradient, learnableCodebook } = options as Required<typeof options>;
  // The defaults of other options depend on these two.
  const kept = {
    dim,
    codebookSize,
    ...(gradient === "directional" && { gradient }),
    ...(learnableCodebook && { learnableCodebook }),
  };
  const defaults = vectorQuantizeTable.withDefaults(kept) as unknown as Record<string, unknown>;
  const changed = Object.entries(options).filter(([name, value]) => value !== defaults[name]);
  return { ...kept, ...Object.fromEntries(changed) };
}

function checkOwn(kwargs: Kwargs): void {
  if (kwargs.in_place_codebook_optimizer !== null) {
    throw expected(
      `${from}: in_place_codebook_optimizer`,
      "None",
      kwargs.in_place_codebook_optimizer,
      "Convert without it; then build vectorQuantize({ ...options, inPlaceCodebookOptimizer }) with " +
        "an optimizer of yours, and lay the converted state over the one of its init",
    );
  }
  if (kwargs.vq_bridge !== null) {
    throw expected(
      `${from}: vq_bridge`,
      "None",
      kwargs.vq_bridge,
      "Convert without it and its tensors, but with ema_update false and learnable_codebook true; " +
        "then build vectorQuantize({ ...options, vqBridge }) with a bridge of yours, and add its " +
        "parameters to the converted ones as vqBridge",
    );
  }
}

function layoutOf(kwargs: Kwargs) {
  const { accept_image_fmap: image, accept_3d_fmap: video, channel_last: last } = kwargs;
  if (image && video) {
    throw new VectorQuantizeError(
      `${from}: expected accept_image_fmap or accept_3d_fmap, got both`,
    );
  }
  if (image) return "image";
  if (video) return "video";
  return last ? "channelLast" : "channelFirst";
}

function gradientOf(kwargs: Kwargs): Gradient {
  const { straight_through: gumbel, directional_reparam: directional, dim } = kwargs;
  const rotation = kwargs.rotation_trick ?? (!directional && dim > 1);
  if ([gumbel, directional, rotation].filter(Boolean).length > 1) {
    throw new VectorQuantizeError(
      `${from}: expected at most one of straight_through, rotation_trick and directional_reparam, ` +
        `got ${JSON.stringify({ straight_through: gumbel, rotation_trick: rotation, directional_reparam: directional })}` +
        ". rotation_trick is on unless it is false",
    );
  }
  if (gumbel) return "gumbel";
  if (!kwargs.route_gradients_to_input) return "none";
  if (directional) return "directional";
  return rotation ? "rotation" : "straightThrough";
}

/** Our options as the reference's: those that are not its default. */
export function kwargsOf(given: VectorQuantizeOptions): Record<string, unknown> {
  const options = vectorQuantizeTable.withDefaults(given);
  checkExpressible(options);
  const { gradient, layout, dim } = options;
  const directional = gradient === "directional";
  const rotation = gradient === "rotation";
  const kwargs: Kwargs = {
    ...same.theirs(given),
    dim,
    codebook_size: options.codebookSize,
    codebook_dim: options.codebookDim === dim ? null : options.codebookDim,
    heads: options.heads,
    separate_codebook_per_head: options.separateCodebookPerHead,
    kmeans_init: false,
    sync_kmeans: true,
    use_cosine_sim: options.metric === "cosine",
    channel_last: layout !== "channelFirst",
    accept_image_fmap: layout === "image",
    accept_3d_fmap: layout === "video",
    commitment_weight: directional ? 1 : options.commitmentWeight,
    commitment_use_cross_entropy_loss: options.commitment === "crossEntropy",
    straight_through: gradient === "gumbel",
    rotation_trick: directional || rotation === dim > 1 ? null : rotation,
    directional_reparam: directional,
    sync_codebook: null,
    sync_affine_param: false,
    ema_update: options.emaUpdate === !directional ? null : options.emaUpdate,
    vq_bridge: null,
    learnable_codebook:
      options.learnableCodebook === directional ? null : options.learnableCodebook,
    in_place_codebook_optimizer: null,
    return_zeros_for_masked_padding: options.maskedOutput === "zeros",
    // With them, the reference puts the straight-through gradient in place of the softmax's.
    route_gradients_to_input: gradient !== "gumbel" && gradient !== "none",
  };
  return withoutDefaults(kwargs, table);
}

/** Throws at options that the reference does not have. */
function checkExpressible(options: CompleteOptions): void {
  const { inPlaceCodebookOptimizer: inPlace, vqBridge, emaUpdateWeight, commitment } = options;
  if (inPlace) {
    throw expected(
      `${to}: inPlaceCodebookOptimizer`,
      "none",
      inPlace.name,
      "Convert the quantizer without it, and without state.optimizer and state.codebookGradient",
    );
  }
  if (vqBridge) {
    throw expected(
      `${to}: vqBridge`,
      "none",
      vqBridge.name,
      "Convert the quantizer without it, and without params.vqBridge",
    );
  }
  if (emaUpdateWeight) {
    throw expected(
      `${to}: emaUpdateWeight`,
      "none",
      emaUpdateWeight.name,
      "The reference takes it in each forward call",
    );
  }
  if (typeof commitment === "object") {
    throw expected(`${to}: commitment`, '"squaredError" or "crossEntropy"', commitment.name);
  }
  if (typeof options.thresholdEmaDeadCode === "object") {
    throw expected(
      `${to}: thresholdEmaDeadCode`,
      "a count of uses, which is all that the reference has",
      `a share of ${options.thresholdEmaDeadCode.share}`,
    );
  }
  if (options.gradient === "directional" && options.commitmentWeight > 0) {
    throw expected(
      `${to}: commitmentWeight with directional gradients`,
      "0, since the reference has no commitment loss with them",
      options.commitmentWeight,
    );
  }
  const perHead = options.separateCodebookPerHead && options.orthogonalRegWeight > 0;
  if (perHead && options.orthogonalRegActiveCodesOnly) {
    throw new VectorQuantizeError(
      `${to}: expected orthogonalRegActiveCodesOnly off with a codebook per head, which the ` +
        "reference refuses in training, got both",
    );
  }
}
