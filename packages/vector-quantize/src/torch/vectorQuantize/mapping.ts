import { VectorQuantizeError } from "../../errors.ts";
import {
  type Gradient,
  type VectorQuantizeOptions,
  vectorQuantizeTable,
} from "../../quantizers/vectorQuantize/options.ts";
import { flagKwarg, maybe, type NamedValues, numberKwarg } from "../kwargs.ts";
import { countedUses, flagTerm, type Mapping, mapping, type Term, unread } from "../mapping.ts";

const layout: Term = {
  options: ["layout"],
  kwargs: {
    channel_last: flagKwarg(true),
    accept_image_fmap: flagKwarg(false),
    accept_3d_fmap: flagKwarg(false),
  },
  ours({ accept_image_fmap: image, accept_3d_fmap: video, channel_last: last }, where) {
    if (image && video) {
      const what = "expected accept_image_fmap or accept_3d_fmap, got both";
      throw new VectorQuantizeError(`${where}: ${what}`);
    }
    return { layout: image ? "image" : video ? "video" : last ? "channelLast" : "channelFirst" };
  },
  theirs: ({ layout: ours }) => ({
    channel_last: ours !== "channelFirst",
    accept_image_fmap: ours === "image",
    accept_3d_fmap: ours === "video",
  }),
};

const gradient: Term = {
  options: ["gradient"],
  kwargs: {
    straight_through: flagKwarg(false),
    rotation_trick: maybe("boolean"),
    directional_reparam: flagKwarg(false),
    route_gradients_to_input: flagKwarg(true),
  },
  ours: (kwargs, where) => ({ gradient: gradientOf(kwargs, where) }),
  theirs: ({ gradient: ours, dim }) => ({
    straight_through: ours === "gumbel",
    rotation_trick:
      ours === "directional" || (ours === "rotation") === (dim as number) > 1
        ? null
        : ours === "rotation",
    directional_reparam: ours === "directional",
    // With them, the reference puts the straight-through gradient in place of the softmax's.
    route_gradients_to_input: ours !== "gumbel" && ours !== "none",
  }),
};

function gradientOf(kwargs: NamedValues, where: string): Gradient {
  const { straight_through: gumbel, directional_reparam: directional, dim } = kwargs;
  const rotation = kwargs.rotation_trick ?? (!directional && (dim as number) > 1);
  if ([gumbel, directional, rotation].filter(Boolean).length > 1) {
    const got = {
      straight_through: gumbel,
      rotation_trick: rotation,
      directional_reparam: directional,
    };
    throw new VectorQuantizeError(
      `${where}: expected at most one of straight_through, rotation_trick and directional_reparam, ` +
        `got ${JSON.stringify(got)}. rotation_trick is on unless it is false`,
    );
  }
  if (gumbel) return "gumbel";
  if (!kwargs.route_gradients_to_input) return "none";
  if (directional) return "directional";
  return rotation ? "rotation" : "straightThrough";
}

/** What has another default with a directional gradient, and no commitment loss there. */
const underDirection: Term = {
  options: ["emaUpdate", "learnableCodebook", "commitmentWeight"],
  kwargs: {
    ema_update: maybe("boolean"),
    learnable_codebook: maybe("boolean"),
    commitment_weight: numberKwarg(1),
  },
  ours({ directional_reparam: directional, vq_bridge: bridge, ...kwargs }) {
    const learns = directional === true || bridge !== null;
    return {
      emaUpdate: kwargs.ema_update ?? !learns,
      learnableCodebook: kwargs.learnable_codebook ?? learns,
      // One below 0 counts for nothing there.
      commitmentWeight: directional ? 0 : Math.max(0, kwargs.commitment_weight as number),
    };
  },
  theirs({ gradient: ours, vqBridge: bridge, emaUpdate, learnableCodebook, commitmentWeight }) {
    const directional = ours === "directional";
    const learns = directional || bridge !== undefined;
    return {
      ema_update: emaUpdate === !learns ? null : emaUpdate,
      learnable_codebook: learnableCodebook === learns ? null : learnableCodebook,
      commitment_weight: directional ? 1 : commitmentWeight,
    };
  },
  lost: ({ gradient: ours, commitmentWeight: weight }) =>
    ours === "directional" &&
    (weight as number) > 0 &&
    `commitmentWeight ${weight}: with directional gradients the reference has no commitment loss`,
};

const codes: Term = {
  options: ["codebookDim", "separateCodebookPerHead"],
  kwargs: {
    codebook_dim: maybe("number"),
    separate_codebook_per_head: flagKwarg(false),
  },
  ours: ({ codebook_dim: C, dim, separate_codebook_per_head: separate, heads }) => ({
    codebookDim: C ?? dim,
    // One head has one codebook either way.
    separateCodebookPerHead: separate === true && (heads as number) > 1,
  }),
  theirs: ({ codebookDim: C, dim, separateCodebookPerHead: separate }) => ({
    codebook_dim: C === dim ? null : C,
    separate_codebook_per_head: separate,
  }),
};

const activePerHead: Term = {
  lost: ({ separateCodebookPerHead: perHead, orthogonalRegWeight: weight, ...options }) =>
    perHead === true &&
    weight !== 0 &&
    options.orthogonalRegActiveCodesOnly === true &&
    "orthogonalRegActiveCodesOnly: the reference refuses it in training with a codebook per head",
};

/** The reference takes it in each call of forward; here it may stand among the options too. */
const emaWeight: Term = {
  options: ["emaUpdateWeight"],
  kwargs: { ema_update_weight: maybe("object") },
  ours: ({ ema_update_weight: own }) => own !== null && { emaUpdateWeight: own },
  lost: ({ emaUpdateWeight: own }) =>
    own !== undefined &&
    `emaUpdateWeight ${JSON.stringify((own as { name: string }).name)}: ` +
      "the reference takes ema_update_weight in each call of forward",
};

const ownCommitment: Term = {
  lost: ({ commitment }) =>
    typeof commitment === "object" &&
    `commitment ${JSON.stringify((commitment as { name: string }).name)}: ` +
      "the reference has the squared error and the cross-entropy alone",
};

const all = mapping(vectorQuantizeTable, [
  emaWeight,
  ownCommitment,
  countedUses,
  activePerHead,
  codes,
  underDirection,
  layout,
  gradient,
  flagTerm("use_cosine_sim", false),
  flagTerm("commitment_use_cross_entropy_loss", false),
  flagTerm("return_zeros_for_masked_padding", true),
  unread({
    kmeans_init: flagKwarg(false),
    sync_kmeans: flagKwarg(true),
    sync_codebook: maybe("boolean"),
    sync_affine_param: flagKwarg(false),
  }),
]);

/**
 * The constructor options of `VectorQuantize`.
 *
 * What only several processes need (`sync_kmeans`, `sync_codebook`, `sync_affine_param`) has no
 * effect on one, and `kmeans_init` is a call of `fit` here.
 */
export const vectorMapping: Mapping = {
  ...all,
  ours: (where, kwargs) => onlyChanged(all.ours(where, kwargs) as never),
};

/** The options without those that our defaults say anyway. */
function onlyChanged(options: VectorQuantizeOptions): NamedValues {
  const { dim, codebookSize, gradient, learnableCodebook, vqBridge } = options;
  // The defaults of other options depend on these.
  const kept = {
    dim,
    codebookSize,
    ...(gradient === "directional" && { gradient }),
    ...(learnableCodebook && { learnableCodebook }),
    ...(vqBridge && { vqBridge }),
  };
  const defaults = vectorQuantizeTable.withDefaults(kept) as unknown as NamedValues;
  const changed = Object.entries(options).filter(([name, value]) => value !== defaults[name]);
  return { ...kept, ...Object.fromEntries(changed) };
}
