import { didYouMean } from "../didYouMean.ts";

/** What stands here for a constructor option of the reference. */
export interface Meaning {
  readonly option: string;
  /** The option's value where theirs is true, and where it is false. */
  readonly on?: string;
  readonly off?: string;
  /** How it is written, if neither as a name alone nor as a word. */
  readonly written?: string;
}

/** The options of the reference that are not the same word in camelCase, or not the same in kind. */
export const meanings: Readonly<Record<string, Meaning>> = {
  accept_3d_fmap: { option: "layout", on: "video" },
  accept_image_fmap: { option: "layout", on: "image" },
  act_name: { option: "activation" },
  bound_hard_clamp: { option: "bounds", on: "softClamp", off: "none" },
  channel_first: { option: "layout", on: "channelFirst" },
  channel_last: { option: "layout", on: "channelLast", off: "channelFirst" },
  commitment_use_cross_entropy_loss: { option: "commitment", on: "crossEntropy" },
  cosine_sim_project_in_scale: {
    option: "cosineSimProjectIn",
    written: "cosineSimProjectIn: { scale }",
  },
  directional_reparam: { option: "gradient", on: "directional" },
  diveq: { option: "gradient", on: "directional" },
  entropy_loss_offset: {
    option: "softplusEntropyLoss",
    written: "softplusEntropyLoss: { offset }",
  },
  experimental_softplus_entropy_loss: {
    option: "softplusEntropyLoss",
    written: "softplusEntropyLoss: true",
  },
  inv_temperature: { option: "temperature", written: "temperature: 1 / inv_temperature" },
  is_channel_first: { option: "layout", on: "channelFirst" },
  mlp_kwargs: { option: "implicitDepth", written: "implicitDepth and implicitHidden" },
  need_inv_act: { option: "inverseActivation" },
  quant_resi: { option: "residualRatio" },
  return_zeros_for_masked_padding: { option: "maskedOutput", on: "zeros", off: "input" },
  rotation_trick: { option: "gradient", on: "rotation", off: "straightThrough" },
  route_gradients_to_input: { option: "gradient", off: "none" },
  share_quant_resi: { option: "sharedResiduals" },
  straight_through: { option: "gradient", on: "gumbel" },
  use_cosine_sim: { option: "metric", on: "cosine" },
};

/** Options of the reference that need none here. */
export const needNone: Readonly<Record<string, string>> = {
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
  const meaning = Object.hasOwn(meanings, snake) ? meanings[snake] : undefined;
  if (meaning && known.includes(meaning.option)) {
    return `Did you mean ${writtenAs(meaning, value)}?`;
  }
  return Object.hasOwn(needNone, snake) ? needNone[snake] : didYouMean(name, known);
}

/** How an option is written that says what theirs does with a value. */
export function writtenAs({ option, on, off, written }: Meaning, value: unknown): string {
  const word = (value === false ? off : on) ?? on ?? off;
  return written ?? (word === undefined ? option : `${option}: ${JSON.stringify(word)}`);
}

/** The reference's name of an option: the same word in snake_case, unless it has another name there. */
export function referenceName(option: string): string {
  const other = Object.entries(meanings).find(
    ([, { option: ours, on, off, written }]) => ours === option && !on && !off && !written,
  );
  return other?.[0] ?? option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
