/** The reference's VectorQuantize in our terms, with the user's own objects that a case names. */
import { numpy as np, tree } from "@jax-js/jax";
import { toHost } from "../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import type { EmaWeightFunction } from "../../packages/vector-quantize/src/codebook/averages.ts";
import { optionsBehind } from "../../packages/vector-quantize/src/options/table.ts";
import type {
  VectorQuantizeParams,
  VectorQuantizeVariables,
} from "../../packages/vector-quantize/src/quantizers/vectorQuantize/books.ts";
import {
  type CompleteOptions,
  vectorQuantizeTable,
} from "../../packages/vector-quantize/src/quantizers/vectorQuantize/options.ts";
import type { VectorQuantizer } from "../../packages/vector-quantize/src/quantizers/vectorQuantize.ts";
import { fromTorch, toTorch } from "../../packages/vector-quantize/src/torch/fromTorch.ts";
import { toTorchNames } from "../../packages/vector-quantize/src/torch/toTorchNames.ts";
import type { RecordedCase, Tensors } from "./cases.ts";
import { onDevice } from "./lookupFree/torch.ts";
import { withOwnObjects } from "./ownObjects.ts";

/** A recorded module as ours, and its arrays by the reference's names. */
export interface Converted {
  quantizer: VectorQuantizer;
  options: CompleteOptions;
  /** Our arrays from a `state_dict`. */
  toVariables(tensors: Tensors): VectorQuantizeVariables;
  /** Our arrays as the reference's `state_dict`; takes ownership. */
  toTensors(variables: VectorQuantizeVariables): Promise<Tensors>;
  /** Our parameters or their gradients by the reference's names; takes ownership. */
  toParameters(params: VectorQuantizeParams): Promise<Tensors>;
}

/** Ours for a recorded case. */
export function convert({ kwargs, steps, state }: RecordedCase): Converted {
  const weight = steps.some(({ arguments: given }) => isFunction(given.ema_update_weight));
  const given = {
    ...withOwnObjects(kwargs),
    ...(weight && { ema_update_weight: inverseCount }),
  };
  const load = (tensors: Tensors) => fromTorch("VectorQuantize", given, onDevice(tensors));
  const { quantizer, variables: unused } = load(state);
  tree.dispose(unused as never);
  return {
    quantizer,
    options: vectorQuantizeTable.withDefaults(optionsBehind(quantizer.config) as never),
    toVariables: (tensors) => load(tensors).variables,
    toTensors: (variables) => toHost(toTorch(quantizer, variables).tensors),
    toParameters: (params) => toHost(toTorchNames(quantizer, params)),
  };
}

const isFunction = (value: unknown) =>
  typeof value === "object" && value !== null && "function" in value;

/** The function of `forward(ema_update_weight)` that cases call `1 / (1 + clusterSize)`. */
const inverseCount: EmaWeightFunction = {
  name: "1 / (1 + clusterSize)",
  weight(sums, counts) {
    sums.dispose();
    return np.reciprocal(counts.add(1));
  },
};
