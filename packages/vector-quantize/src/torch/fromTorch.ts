import type { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import { checkQuantizer } from "../quantizers/checkQuantizer.ts";
import type { Quantizer, Variables } from "../quantizers/contract.ts";
import { owns, release } from "../tree.ts";
import { translations } from "./translations.ts";

/**
 * A module of `vector-quantize-pytorch` 1.31.0 as a quantizer of ours.
 *
 * ```ts
 * const { tensors } = readSafetensors(bytes); // of save_file(module.state_dict(), ...)
 * const { quantizer, variables } = fromTorch("VectorQuantize", { dim: 64, codebook_size: 512 }, tensors);
 * ```
 *
 * It knows all classes, so a page loads all quantizers with it. The translation of one class, such as
 * `vectorQuantizeTranslation`, has a `fromTorch` and a `toTorch` of its own, and loads that one alone.
 *
 * Options for several processes (`sync_codebook`, `sync_kmeans`, `sync_affine_param`) do nothing
 * here. `kmeans_init` does neither: the codebook is taken as it is, so that of a module that has
 * seen no data is all zeros until `fit` is called.
 *
 * Ours has one layout, where most classes there take images by the rank of the input. For images or
 * videos, build ours again with `{ ...options, layout: "image" }`: the variables are the same.
 *
 * @param className the reference's name of the class, such as `"VectorQuantize"`
 * @param kwargs its constructor options, under the reference's names; `null` is Python's `None`
 * @param tensors its `state_dict`; ownership is taken
 * @throws VectorQuantizeError for a class or an option that has no equal here, and for tensors that
 *   are missing, too many or of another shape
 */
export function fromTorch(
  className: string,
  kwargs: Record<string, unknown>,
  tensors: Record<string, np.Array>,
): { quantizer: Quantizer; variables: Variables } {
  const translation = translations.find((known) => known.className === className);
  if (translation) return translation.fromTorch(kwargs, tensors);
  release(tensors);
  const names = translations.map((known) => known.className);
  throw expected("fromTorch: className", `one of ${names.join(", ")}`, className);
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
 * @param variables ownership is taken
 * @returns the class, its constructor options (those that are not the default) and its `state_dict`
 * @throws VectorQuantizeError for a quantizer, an option or a state that the reference cannot have
 */
export function toTorch(
  quantizer: Quantizer,
  variables: Variables,
): { className: string; kwargs: Record<string, unknown>; tensors: Record<string, np.Array> } {
  const own: unknown = Object(Object(quantizer).config).type;
  const translation = translations.find(({ type }) => type === own);
  if (translation) return translation.toTorch(quantizer, variables);
  using _ = owns(variables);
  checkQuantizer("toTorch: quantizer", quantizer);
  const types = translations.map(({ type }) => type);
  throw expected("toTorch: type of the quantizer", `one of ${types.join(", ")}`, own);
}
