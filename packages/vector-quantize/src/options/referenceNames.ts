import { didYouMean } from "../didYouMean.ts";

/** What stands here for an option of the reference that is not the same word in camelCase. */
const standsFor: Readonly<Record<string, string>> = {
  accept_3d_fmap: 'layout: "video"',
  accept_image_fmap: 'layout: "image"',
  act_name: "activation",
  bound_hard_clamp: 'bounds: "softClamp"',
  channel_first: 'layout: "channelFirst"',
  channel_last: 'layout: "channelLast"',
  commitment_use_cross_entropy_loss: 'commitment: "crossEntropy"',
  cosine_sim_project_in_scale: "cosineSimProjectIn: { scale }",
  directional_reparam: 'gradient: "directional"',
  diveq: 'gradient: "directional"',
  entropy_loss_offset: "softplusEntropyLoss: { offset }",
  experimental_softplus_entropy_loss: "softplusEntropyLoss: true",
  inv_temperature: "temperature: 1 / inv_temperature",
  is_channel_first: 'layout: "channelFirst"',
  mlp_kwargs: "implicitDepth and implicitHidden",
  need_inv_act: "inverseActivation",
  quant_resi: "residualRatio",
  return_zeros_for_masked_padding: 'maskedOutput: "zeros"',
  rotation_trick: 'gradient: "rotation"',
  route_gradients_to_input: 'gradient: "none"',
  share_quant_resi: "sharedResiduals",
  straight_through: 'gradient: "gumbel"',
  use_cosine_sim: 'metric: "cosine"',
};

/** The same where the option is false: what is on by itself there, or here. */
const standsForFalse: Readonly<Record<string, string>> = {
  channel_last: 'layout: "channelFirst"',
  rotation_trick: 'gradient: "straightThrough"',
};

/** Options of the reference that need none here. */
const needNone: Readonly<Record<string, string>> = {
  allowed_dtypes: "All is float32 here",
  force_quantization_f32: "All is float32 here",
  kmeans_init: "Codes start from data by fit(variables, sample)",
  return_indices: "There always are indices",
  sync_affine_param: "One process trains here",
  sync_codebook: "One process trains here",
  sync_kmeans: "One process trains here",
};

/** The mend for an unknown option: by the reference's names, in snake_case or camelCase, or by likeness. */
export function meantByReference(
  name: string,
  known: readonly string[],
  value: unknown,
): string | undefined {
  const snake = name
    .replace(/[A-Z]|\d+(?=[a-z])/g, (part) => `_${part.toLowerCase()}`)
    .replace(/_+/g, "_");
  const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  if (known.includes(camel)) return `Did you mean ${camel}?`;
  const table =
    value === false && Object.hasOwn(standsForFalse, snake) ? standsForFalse : standsFor;
  const ours = Object.hasOwn(table, snake) ? table[snake] : undefined;
  const [option = ""] = ours?.split(/[: ]/) ?? [];
  if (known.includes(option)) return `Did you mean ${ours}?`;
  return Object.hasOwn(needNone, snake) ? needNone[snake] : didYouMean(name, known);
}
