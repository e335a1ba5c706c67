import type { numpy as np } from "@jax-js/jax";
import { didYouMean } from "../didYouMean.ts";
import { expected } from "../errors.ts";
import { checkQuantizer } from "../quantizers/checkQuantizer.ts";
import type { Quantizer, Variables } from "../quantizers/contract.ts";
import { owns, release } from "../tree.ts";
import type { FromTorch, FromTorchOptions, ToTorch, VariablesOf } from "./translation.ts";
import { type TorchClasses, translations } from "./translations.ts";

export type { FromTorch, FromTorchOptions, ToTorch } from "./translation.ts";
export type { TorchClasses } from "./translations.ts";

/**
 * A module of `vector-quantize-pytorch` 1.31.0 as a quantizer of ours.
 *
 * ```ts
 * const { tensors } = readSafetensors(bytes); // of save_file(module.state_dict(), ...)
 * const { quantizer, variables } = fromTorch("VectorQuantize", { dim: 64, codebook_size: 512 }, tensors);
 * ```
 *
 * The quantizer has the type of its class, its own methods and variables. Tensors of a whole network
 * come with `{ prefix: "encoder.1" }`, where the quantizer stands in it.
 *
 * It knows all classes, so a page loads all quantizers with it. The translation of one class, such as
 * `vectorQuantizeTranslation`, has a `fromTorch` and a `toTorch` of its own, and loads that one alone.
 *
 * Objects of your own, such as `vq_bridge`, `codebook_transform`, `in_place_codebook_optimizer`,
 * `straight_through_activation`, `ema_update_weight` and `vec_norm`, stand in `kwargs` as our options
 * take them: with a name to save them by. `fromTorch` and `toTorch` of such an object translate its
 * arrays; without, they go by their places.
 *
 * Options for several processes (`sync_codebook`, `sync_kmeans`, `sync_affine_param`) do nothing
 * here. `kmeans_init` does neither: the codebook is taken as it is, so that of a module that has
 * seen no data is all zeros until `fit` is called.
 *
 * Ours has one layout, where most classes there take images by the rank of the input: `{ layout:
 * "image" }` says that calls are of images.
 *
 * @param className the reference's name of the class, such as `"VectorQuantize"`
 * @param kwargs its constructor options, under the reference's names; `null` is Python's `None`
 * @param tensors its `state_dict`, or that of a network with it; ownership is taken
 * @param options `prefix`: where the module stands in the network; `layout`: where the features stand
 *   in calls of ours
 * @throws VectorQuantizeError for a class that is unknown, for options that contradict one another,
 *   and for tensors that are missing, too many or of another shape
 */
export function fromTorch<Name extends keyof TorchClasses>(
  className: Name,
  kwargs: Record<string, unknown>,
  tensors: Record<string, np.Array>,
  options?: FromTorchOptions,
): FromTorch<TorchClasses[Name]>;
export function fromTorch(
  className: string,
  kwargs: Record<string, unknown>,
  tensors: Record<string, np.Array>,
  options?: FromTorchOptions,
): { quantizer: Quantizer; variables: Variables };
export function fromTorch(
  className: string,
  kwargs: Record<string, unknown>,
  tensors: Record<string, np.Array>,
  options?: FromTorchOptions,
): { quantizer: Quantizer; variables: Variables } {
  const translation = translations.find((known) => known.className === className);
  if (translation) return translation.fromTorch(kwargs, tensors, options);
  release(tensors);
  const names = translations.map((known) => known.className);
  const mend = typeof className === "string" ? didYouMean(className, names) : undefined;
  throw expected("fromTorch: className", `one of ${names.join(", ")}`, className, mend);
}

/**
 * A quantizer of ours as a module of `vector-quantize-pytorch` 1.31.0: the inverse of `fromTorch`.
 *
 * ```ts
 * const { kwargs, tensors } = toTorch(quantizer, variables);
 * const bytes = await saveSafetensors(tensors); // for module.load_state_dict(load_file(...))
 * ```
 *
 * With `affine_param`, a module knows `batch_mean` and `batch_variance` from its first call on only:
 * register these buffers before `load_state_dict`. `LatentQuantize` tells indices by the values of its
 * start always: where values have learned here, it quantizes to the same, with other indices.
 *
 * What only training would read and the reference has no place for is left out, and `dropped` says so:
 * statistics in the middle of an accumulation, the state of an in-place optimizer, a threshold of dead
 * codes that is a share.
 *
 * @param variables ownership is taken
 * @returns the class, its constructor options (those that are not the default), its `state_dict`, and
 *   in `dropped` a sentence on each thing that is in none of these
 * @throws VectorQuantizeError for a quantizer, or an option that evaluation reads, that the reference
 *   cannot have
 */
export function toTorch<Q extends Quantizer>(quantizer: Q, variables: VariablesOf<Q>): ToTorch {
  const own: unknown = Object(Object(quantizer).config).type;
  const translation = translations.find(({ type }) => type === own);
  if (translation) return translation.toTorch(quantizer, variables as Variables);
  using _ = owns(variables);
  checkQuantizer("toTorch: quantizer", quantizer);
  const types = translations.map(({ type }) => type);
  throw expected("toTorch: type of the quantizer", `one of ${types.join(", ")}`, own);
}
