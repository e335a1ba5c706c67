/** Parameters, or their gradients, as a `state_dict` of the reference names them. */
import type { numpy as np } from "@jax-js/jax";
import type { Quantizer } from "../../packages/vector-quantize/src/quantizers/contract.ts";
import { type Module, tensorsOf } from "../../packages/vector-quantize/src/torch/module.ts";
import { translations } from "../../packages/vector-quantize/src/torch/translations.ts";

/** Keeps no reference to `params`. */
export function paramTensors(
  { type, ...options }: Quantizer["config"],
  params: unknown,
): Record<string, np.Array> {
  const found = translations.find((known) => known.type === type);
  return found ? paramTensorsOf(found.parts.module(options as never), params) : {};
}

/** The same for a module that is known. */
export const paramTensorsOf = (module: Module, params: unknown) =>
  tensorsOf(trained(module), { params });

/** What gradients reach of a module. */
const trained = ({ fields, parts = [] }: Module): Module => ({
  fields: fields.filter(({ path }) => path?.[0] === "params"),
  parts: parts.map(({ module, ...part }) => ({ ...part, module: trained(module) })),
});
