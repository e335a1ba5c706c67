/** The reference's VectorQuantize in our terms, with the user's own objects that a case names. */
import { numpy as np, random, tree } from "@jax-js/jax";
import { toDevice, toHost } from "../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import type { EmaWeightFunction } from "../../packages/vector-quantize/src/codebook/averages.ts";
import type { CodebookOptimizer } from "../../packages/vector-quantize/src/codebook/inPlace.ts";
import type { Projection } from "../../packages/vector-quantize/src/layout/linear.ts";
import type {
  VectorQuantizeParams,
  VectorQuantizeVariables,
} from "../../packages/vector-quantize/src/quantizers/vectorQuantize/books.ts";
import type { CodebookBridge } from "../../packages/vector-quantize/src/quantizers/vectorQuantize/bridge.ts";
import {
  type CompleteOptions,
  type VectorQuantizeOptions,
  vectorQuantizeTable,
} from "../../packages/vector-quantize/src/quantizers/vectorQuantize/options.ts";
import {
  type VectorQuantizer,
  vectorQuantize,
} from "../../packages/vector-quantize/src/quantizers/vectorQuantize.ts";
import { fromTorch } from "../../packages/vector-quantize/src/torch/fromTorch.ts";
import {
  linearFields,
  tensorsOf,
  variablesOf,
} from "../../packages/vector-quantize/src/torch/module.ts";
import { vectorModule } from "../../packages/vector-quantize/src/torch/vectorQuantize/module.ts";
import { adam, sgd } from "../../packages/vector-quantize/src/train/optimizers.ts";
import type { Kwargs, RecordedCase, Tensors } from "./cases.ts";
import { paramTensorsOf } from "./paramTensors.ts";

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

const bridgeName = "_codebook.vq_bridge";

/** Ours for a recorded case, by `fromTorch` as its errors tell where objects are the user's. */
export function convert({ kwargs, steps, state }: RecordedCase): Converted {
  const own = ownOptions(kwargs);
  const weight = steps.some(({ arguments: given }) => isFunction(given.ema_update_weight));
  const fromFile = (tensors: Tensors) => {
    const rest = Object.entries(tensors).filter(([name]) => !name.startsWith(bridgeName));
    const arrays = Object.fromEntries(rest.map(([name, tensor]) => [name, toDevice(tensor)]));
    return fromTorch("VectorQuantize", withoutOwn(kwargs), arrays);
  };
  const { quantizer: plain, variables: unused } = fromFile(state);
  tree.dispose(unused);
  const { type: _, ...given } = plain.config;
  const options = {
    ...given,
    ...own,
    ...(weight && { emaUpdateWeight: inverseCount }),
  } as unknown as VectorQuantizeOptions;
  const quantizer = vectorQuantize(options);
  const complete = vectorQuantizeTable.withDefaults(options);
  const module = vectorModule(complete);

  return {
    quantizer,
    options: complete,

    toVariables(tensors) {
      const { params, state: moved } = fromFile(tensors).variables as VectorQuantizeVariables;
      const fresh = quantizer.init(random.key(0));
      const replaced = Object.keys(moved) as (keyof typeof moved)[];
      for (const name of replaced) tree.dispose(fresh.state[name] as np.Array);
      tree.dispose(fresh.params);
      return {
        params: { ...params, ...(own.vqBridge && { vqBridge: bridgeOf(tensors) }) },
        state: { ...fresh.state, ...moved },
      };
    },

    async toTensors(variables) {
      const { params } = variables;
      const tensors = await toHost({
        ...tensorsOf(module, variables),
        ...bridgeTensors(params),
      });
      tree.dispose(variables);
      return tensors;
    },

    async toParameters(params) {
      const tensors = await toHost({ ...paramTensorsOf(module, params), ...bridgeTensors(params) });
      tree.dispose(params);
      return tensors;
    },
  };
}

const isFunction = (value: unknown) =>
  typeof value === "object" && value !== null && "function" in value;

/** The options that name objects of the user's, made of what they stand for. */
function ownOptions(kwargs: Kwargs): Partial<VectorQuantizeOptions> {
  const { in_place_codebook_optimizer: optimizer, vq_bridge: bridge } = kwargs;
  return {
    ...(optimizer !== undefined && { inPlaceCodebookOptimizer: optimizerOf(optimizer) }),
    ...(bridge !== undefined && { vqBridge: linearBridge }),
  };
}

function withoutOwn(kwargs: Kwargs): Kwargs {
  const { in_place_codebook_optimizer: _, vq_bridge: bridge, ...rest } = kwargs;
  return bridge === undefined ? rest : { ...rest, learnable_codebook: true, ema_update: false };
}

function optimizerOf(described: unknown): CodebookOptimizer {
  const {
    $optimizer: name,
    lr,
    momentum = 0,
  } = described as { $optimizer: string; lr: number; momentum?: number };
  return { name, optimizer: name === "Adam" ? adam(lr) : sgd(lr, { momentum }) };
}

/** `nn.Linear` as a bridge. */
const linearBridge: CodebookBridge = {
  name: "linear",
  init: (key, C) => ({ weight: random.normal(key, [C, C]), bias: np.zeros([C]) }),
  apply(params, codebook) {
    const { weight, bias } = params as Projection;
    return np.matmul(codebook, weight).add(bias);
  },
};

const bridgeModule = { fields: linearFields(bridgeName, ["params", "vqBridge"], 0, 0) };

function bridgeOf(tensors: Tensors): Projection {
  const own = Object.entries(tensors).filter(([name]) => name.startsWith(bridgeName));
  const arrays = Object.fromEntries(own.map(([name, tensor]) => [name, toDevice(tensor)]));
  const { params } = variablesOf(bridgeModule, arrays) as never as { params: VectorQuantizeParams };
  tree.dispose(arrays);
  return params.vqBridge as Projection;
}

const bridgeTensors = (params: VectorQuantizeParams) => tensorsOf(bridgeModule, { params });

/** The function of `forward(ema_update_weight)` that cases call `1 / (1 + clusterSize)`. */
const inverseCount: EmaWeightFunction = {
  name: "1 / (1 + clusterSize)",
  weight(sums, counts) {
    sums.dispose();
    return np.reciprocal(counts.add(1));
  },
};
