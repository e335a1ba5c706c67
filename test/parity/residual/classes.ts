/** The reference's residual classes in our terms: how their arrays and parameters are named. */
import type { numpy as np } from "@jax-js/jax";
import type {
  Quantized,
  Quantizer,
  Variables,
} from "../../../packages/vector-quantize/src/quantizers/contract.ts";
import type { GroupedParams } from "../../../packages/vector-quantize/src/quantizers/grouped.ts";
import type { HierarchicalParams } from "../../../packages/vector-quantize/src/quantizers/hierarchicalVQ.ts";
import type { ResidualParams } from "../../../packages/vector-quantize/src/quantizers/residual/layers.ts";
import type { ResidualApplyOptions } from "../../../packages/vector-quantize/src/quantizers/residual.ts";
import type { SimVQParams } from "../../../packages/vector-quantize/src/quantizers/simVQ.ts";
import { hierarchicalParamTensors } from "../../../packages/vector-quantize/src/torch/hierarchicalVQ.ts";
import { joined, under } from "../../../packages/vector-quantize/src/torch/prefixes.ts";
import { scalarParamTensors } from "../../../packages/vector-quantize/src/torch/residualScalar.ts";
import { residualParamTensors } from "../../../packages/vector-quantize/src/torch/residualVQ.ts";
import {
  residualSimParamTensors,
  simParamTensors,
} from "../../../packages/vector-quantize/src/torch/simVQ.ts";

export type Arrays = Record<string, np.Array>;

/** A quantizer of which calls may say a depth. */
export interface Layered extends Quantizer {
  apply(variables: Variables, x: np.Array, options?: ResidualApplyOptions): Quantized;
}

type Config = Quantizer["config"];

/** Parameters, or their gradients, as a `state_dict` of the class names them. */
export const paramTensors: Record<string, (config: Config, params: unknown) => Arrays> = {
  ResidualVQ: (config, params) => residualParamTensors(optionsIn(config), params as ResidualParams),
  GroupedResidualVQ: groupedBy("ResidualVQ"),
  SimVQ: (_, params) => simParamTensors(params as SimVQParams),
  ResidualSimVQ: (_, params) => residualSimParamTensors(params as ResidualParams),
  ResidualFSQ: (_, params) => scalarParamTensors(params as ResidualParams),
  GroupedResidualFSQ: groupedBy("ResidualFSQ"),
  ResidualLFQ: (_, params) => scalarParamTensors(params as ResidualParams),
  GroupedResidualLFQ: groupedBy("ResidualLFQ"),
  RandomProjectionQuantizer: () => ({}),
  HierarchicalVQ: (config, params) =>
    hierarchicalParamTensors(optionsIn(config), params as HierarchicalParams),
};

function groupedBy(className: string) {
  return (config: Config, params: unknown): Arrays => {
    const { groups } = params as GroupedParams;
    const dim = Number(config.dim) / groups.length;
    return joined<np.Array>(
      groups.map((own, group) =>
        under(`rvqs.${group}.`, paramTensors[className]?.({ ...config, dim }, own) ?? {}),
      ),
    );
  };
}

/** The options of a configuration, without what says what it is of. */
function optionsIn({ type: _type, groups: _groups, ...options }: Config): never {
  return options as never;
}
