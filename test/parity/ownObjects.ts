/** Modules and optimizers that a recorded case names, as objects of the user's own. */
import { numpy as np, random } from "@jax-js/jax";
import type { CodebookOptimizer } from "../../packages/vector-quantize/src/codebook/inPlace.ts";
import type { Projection } from "../../packages/vector-quantize/src/layout/linear.ts";
import type { ActivationFunction } from "../../packages/vector-quantize/src/quantizers/lfq/options.ts";
import type { CodeTransform } from "../../packages/vector-quantize/src/quantizers/simVQ/options.ts";
import type { CodebookBridge } from "../../packages/vector-quantize/src/quantizers/vectorQuantize/bridge.ts";
import { adam, sgd } from "../../packages/vector-quantize/src/train/optimizers.ts";
import type { ArrayTree } from "../../packages/vector-quantize/src/tree.ts";
import type { Kwargs } from "./cases.ts";

/** Options of a case with what stands for PyTorch's modules and optimizers in their places. */
export const withOwnObjects = (kwargs: Kwargs): Kwargs =>
  Object.fromEntries(Object.entries(kwargs).map(([name, value]) => [name, ownObject(value)]));

interface Described {
  readonly $optimizer?: string;
  readonly $module?: string;
  readonly lr?: number;
  readonly momentum?: number;
  readonly in_features?: number;
  readonly out_features?: number;
}

function ownObject(value: unknown): unknown {
  const { $optimizer, $module, ...rest } = Object(value) as Described;
  if ($optimizer) return optimizerOf($optimizer, rest);
  if ($module === "Tanh") return tanh;
  if ($module === "PReLU") return prelu;
  if ($module === "Linear") return linear(rest.out_features as number);
  if ($module) throw new Error(`no object of ours for ${$module}`);
  return value;
}

function optimizerOf(name: string, { lr = 0, momentum = 0 }: Described): CodebookOptimizer {
  return { name, optimizer: name === "Adam" ? adam(lr) : sgd(lr, { momentum }) };
}

const tanh: ActivationFunction = { name: "tanh", activation: np.tanh };

/** Its one slope is `weight` in both. */
const prelu: ActivationFunction = {
  name: "prelu",
  init: () => ({ weight: np.full([1], 0.25) }),
  activation(latents, params) {
    const { weight } = params as { weight: np.Array };
    return np.maximum(latents.ref, 0).add(np.minimum(latents, 0).mul(weight));
  },
};

/** `nn.Linear` with a bias, whose weight is turned as all linear maps of ours are. */
const linear = (outputs: number): CodebookBridge & CodeTransform => ({
  name: "linear",
  init: (key: np.Array, inputs: number): ArrayTree => ({
    weight: random.normal(key, [inputs, outputs]),
    bias: np.zeros([outputs]),
  }),
  apply(params: ArrayTree, codes: np.Array) {
    const { weight, bias } = params as Projection;
    return np.matmul(codes, weight).add(bias);
  },
  fromTorch: turned,
  toTorch: (params) => turned(params as Projection),
});

function turned({ weight, bias }: Record<string, np.Array>): Projection {
  return { weight: (weight as np.Array).transpose(), bias: bias as np.Array };
}
