import type { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { LinearMap } from "../layout/linear.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import type { ResidualParams, ResidualVariables } from "../quantizers/residual/layers.ts";
import {
  type ResidualSimVQOptions,
  residualSimVQ,
  residualSimVQTable,
} from "../quantizers/residualSimVQ.ts";
import { type SimVQOptions, simVQTable } from "../quantizers/simVQ/options.ts";
import { type SimVQParams, type SimVQState, simVQ } from "../quantizers/simVQ.ts";
import {
  type Completed,
  completeKwargs,
  dropoutNames,
  flagKwarg,
  numberKwarg,
  own,
  required,
  sharedOptions,
  withoutDefaults,
} from "./kwargs.ts";
import { below, joined, under } from "./prefixes.ts";
import { checkTensors, type Shapes } from "./tensors.ts";
import type { Translation } from "./translation.ts";

type Tensors = Record<string, np.Array>;
type Variables = { params: SimVQParams; state: SimVQState };

const same = sharedOptions(simVQTable, [
  "dim",
  "codebookSize",
  "inputToQuantizeCommitLossWeight",
  "commitmentWeight",
  "frozenCodebookDim",
]);
const table = {
  ...same.kwargs,
  dim: required,
  codebook_size: required,
  codebook_transform: own,
  init_fn: own,
  channel_first: flagKwarg(false),
  rotation_trick: flagKwarg(true),
};

/** The reference's constructor options as ours. */
function optionsOf(where: string, kwargs: Completed<typeof table>): SimVQOptions {
  if (kwargs.codebook_transform !== null) {
    throw expected(
      `${where}: codebook_transform`,
      "None",
      kwargs.codebook_transform,
      "Build ours with a codebookTransform of yours, and give it these arrays by hand",
    );
  }
  return {
    ...(same.ours(kwargs) as unknown as SimVQOptions),
    ...(kwargs.channel_first && { layout: "channelFirst" as const }),
    ...(!kwargs.rotation_trick && { gradient: "straightThrough" as const }),
  };
}

/** Our options as the reference's. */
function kwargsOf(where: string, given: SimVQOptions): Completed<typeof table> {
  if (given.codebookTransform) {
    throw expected(`${where}: codebookTransform`, "none", given.codebookTransform.name);
  }
  const options = simVQTable.withDefaults(given);
  return {
    ...same.theirs(given),
    dim: options.dim,
    codebook_size: options.codebookSize,
    codebook_transform: null,
    init_fn: null,
    // Every input with its features second, images and videos too.
    channel_first: options.layout !== "channelLast",
    rotation_trick: options.gradient === "rotation",
  };
}

function shapesOf(given: SimVQOptions): Shapes {
  const { dim, codebookSize: K, frozenCodebookDim: C } = simVQTable.withDefaults(given);
  return { frozen_codebook: [K, C], "code_transform.weight": [dim, C] };
}

function variablesOf(tensors: Tensors): Variables {
  const take = (name: string) => (tensors[name] as np.Array).ref;
  return {
    params: { transform: { weight: take("code_transform.weight").transpose() } },
    state: { codebook: take("frozen_codebook") },
  };
}

/** Parameters, or their gradients, as a `state_dict` names them; keeps no reference to them. */
export const simParamTensors = ({ transform }: SimVQParams): Tensors => ({
  "code_transform.weight": (transform as LinearMap).weight.ref.transpose(),
});

const tensorsOf = ({ params, state }: Variables): Tensors => ({
  ...simParamTensors(params),
  frozen_codebook: state.codebook.ref,
});

/** `SimVQ` and `simVQ`. */
export const simVQTranslation: Translation = {
  className: "SimVQ",
  type: "simVQ",

  fromTorch(kwargs, tensors) {
    const where = "fromTorch SimVQ";
    const given = optionsOf(where, completeKwargs(where, kwargs, table));
    const quantizer = simVQ(given) as unknown as Quantizer;
    checkTensors(where, tensors, shapesOf(given));
    return { quantizer, variables: variablesOf(tensors) };
  },

  toTorch(config, variables) {
    const kwargs = kwargsOf("toTorch simVQ", config as unknown as SimVQOptions);
    return {
      kwargs: withoutDefaults(kwargs, table),
      tensors: tensorsOf(variables as Variables),
    };
  },
};

const dropout = sharedOptions(residualSimVQTable, dropoutNames);
const residualTable = {
  ...table,
  ...dropout.kwargs,
  num_quantizers: required,
  heads: numberKwarg(1),
};

/** Parameters of the layers, or their gradients, as a `state_dict` names them. */
export const residualSimParamTensors = ({ layers }: ResidualParams): Tensors =>
  joined<np.Array>(
    layers.map((own, at) => under(`layers.${at}.`, simParamTensors(own as SimVQParams))),
  );

/** `ResidualSimVQ` and `residualSimVQ`. */
export const residualSimVQTranslation: Translation = {
  className: "ResidualSimVQ",
  type: "residualSimVQ",

  fromTorch(given, tensors) {
    const where = "fromTorch ResidualSimVQ";
    const kwargs = completeKwargs(where, given, residualTable);
    if (kwargs.heads !== 1) throw expected(`${where}: heads`, "1", kwargs.heads);
    const layer = optionsOf(where, kwargs);
    const { num_quantizers: Q } = kwargs;
    const quantizer = residualSimVQ({ ...layer, numQuantizers: Q, ...dropout.ours(kwargs) });
    const prefixes = Array.from({ length: Q }, (_, at) => `layers.${at}.`);
    checkTensors(where, tensors, joined(prefixes.map((prefix) => under(prefix, shapesOf(layer)))));
    const layers = prefixes.map((prefix) => variablesOf(below(tensors, prefix)));
    return {
      quantizer: quantizer as unknown as Quantizer,
      variables: {
        params: { layers: layers.map(({ params }) => params) },
        state: { layers: layers.map(({ state }) => state) },
      },
    };
  },

  toTorch(config, variables) {
    const given = config as unknown as ResidualSimVQOptions;
    const kwargs = {
      ...kwargsOf("toTorch residualSimVQ", given),
      ...dropout.theirs(given),
      num_quantizers: given.numQuantizers,
      heads: 1,
    };
    const { params, state } = variables as unknown as ResidualVariables;
    return {
      kwargs: withoutDefaults(kwargs, residualTable),
      tensors: joined<np.Array>(
        params.layers.map((own, at) =>
          under(
            `layers.${at}.`,
            tensorsOf({ params: own as SimVQParams, state: state.layers[at] as SimVQState }),
          ),
        ),
      ),
    };
  },
};
