/** `ResidualFSQ` and `ResidualLFQ`, whose layers have fixed arrays alone. */
import { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import type { RotationState } from "../quantizers/fsq.ts";
import type { ResidualParams, ResidualVariables } from "../quantizers/residual/layers.ts";
import { type ResidualFSQOptions, residualFSQTable } from "../quantizers/residualFSQ/options.ts";
import { residualFSQ } from "../quantizers/residualFSQ.ts";
import {
  type ResidualLFQOptions,
  residualLFQ,
  residualLFQTable,
} from "../quantizers/residualLFQ.ts";
import {
  type Completed,
  completeKwargs,
  dropoutNames,
  flagKwarg,
  maybeFlag,
  numberKwarg,
  own,
  required,
  sharedOptions,
  withoutDefaults,
} from "./kwargs.ts";
import { joined } from "./prefixes.ts";
import { checkTensors, linearOf, linearShapes, linearTensors } from "./tensors.ts";
import type { Translation } from "./translation.ts";

type Tensors = Record<string, np.Array>;

const sharedNames = [...dropoutNames, "orthogonalRotation", "softClampInputValue"] as const;
const sharedTable = {
  num_quantizers: required,
  num_codebooks: numberKwarg(1),
  keep_num_codebooks_dim: maybeFlag,
  force_quantization_f32: flagKwarg(true),
};
/** Theirs of what ours do not have. */
const sharedKwargs = {
  num_codebooks: 1,
  keep_num_codebooks_dim: null,
  force_quantization_f32: true,
};

/** What both classes keep of their arrays. */
interface Arrays {
  dim: number;
  /** Features of a code. */
  width: number;
  layers: number;
  rotated: boolean;
  /** A buffer of each layer that follows from its options. */
  constant?: { name: string; value: number[] };
}

function shapesOf({ dim, width, layers, rotated, constant }: Arrays) {
  const all = Array.from({ length: layers }, (_, at) => `layers.${at}.`);
  return joined<readonly number[]>([
    ...(dim === width
      ? []
      : [linearShapes("project_in", dim, width), linearShapes("project_out", width, dim)]),
    ...all.map((prefix) => ({
      ...(rotated && { [`${prefix}orthogonal_rot`]: [width, width] }),
      ...(constant && { [`${prefix}${constant.name}`]: [constant.value.length] }),
    })),
  ]);
}

function variablesOf({ dim, width, layers, rotated }: Arrays, tensors: Tensors): ResidualVariables {
  const all = Array.from({ length: layers }, (_, at) => at);
  const rotation = (at: number) => (tensors[`layers.${at}.orthogonal_rot`] as np.Array).ref;
  return {
    params: {
      layers: all.map(() => ({})),
      ...(dim !== width && {
        projectIn: linearOf(tensors, "project_in"),
        projectOut: linearOf(tensors, "project_out"),
      }),
    },
    state: { layers: all.map((at) => (rotated ? { rotation: rotation(at) } : {})) },
  };
}

/** The maps around the layers, or their gradients, as a `state_dict` names them. */
export const scalarParamTensors = ({ projectIn, projectOut }: ResidualParams): Tensors => ({
  ...linearTensors("project_in", projectIn),
  ...linearTensors("project_out", projectOut),
});

function tensorsOf({ constant }: Arrays, { params, state }: ResidualVariables): Tensors {
  return {
    ...scalarParamTensors(params),
    ...joined<np.Array>(
      state.layers.map((layer, at) => {
        const { rotation } = layer as RotationState;
        return {
          ...(rotation && { [`layers.${at}.orthogonal_rot`]: rotation.ref }),
          ...(constant && {
            [`layers.${at}.${constant.name}`]: np.array(new Int32Array(constant.value)),
          }),
        };
      }),
    ),
  };
}

function checkShared(where: string, kwargs: Completed<typeof sharedTable>): void {
  if (kwargs.num_codebooks !== 1) {
    throw expected(`${where}: num_codebooks`, "1", kwargs.num_codebooks);
  }
  if (kwargs.keep_num_codebooks_dim) {
    throw expected(`${where}: keep_num_codebooks_dim`, "False", kwargs.keep_num_codebooks_dim);
  }
}

const sameFsq = sharedOptions(residualFSQTable, [...sharedNames, "dim", "noiseDropout"]);
const fsqTable = {
  ...sharedTable,
  ...sameFsq.kwargs,
  noise_dropout: numberKwarg(0),
  levels: own,
  is_channel_first: flagKwarg(false),
  bound_hard_clamp: flagKwarg(true),
};

function fsqArrays(given: ResidualFSQOptions): Arrays {
  const { dim, levels, ...options } = residualFSQTable.withDefaults(given);
  const { numQuantizers: layers, orthogonalRotation: rotated } = options;
  return { dim, width: levels.length, layers, rotated };
}

/** `ResidualFSQ` and `residualFSQ`. */
export const residualFSQTranslation: Translation = {
  className: "ResidualFSQ",
  type: "residualFSQ",

  fromTorch(all, tensors) {
    const where = "fromTorch ResidualFSQ";
    const kwargs = completeKwargs(where, all, fsqTable);
    checkShared(where, kwargs);
    const given: ResidualFSQOptions = {
      levels: kwargs.levels as number[],
      numQuantizers: kwargs.num_quantizers,
      ...sameFsq.ours(kwargs),
      ...(kwargs.is_channel_first && { layout: "channelFirst" as const }),
      ...(!kwargs.bound_hard_clamp && { bounds: "none" as const }),
      ...(kwargs.noise_dropout !== 0 && { noiseScale: "fixed" as const }),
    };
    const quantizer = residualFSQ(given) as unknown as Quantizer;
    const arrays = fsqArrays(given);
    checkTensors(where, tensors, shapesOf(arrays));
    return { quantizer, variables: variablesOf(arrays, tensors) };
  },

  toTorch(config, variables) {
    const given = config as unknown as ResidualFSQOptions;
    const where = "toTorch residualFSQ";
    const { bounds, noiseDropout, noiseScale, layout } = residualFSQTable.withDefaults(given);
    if (bounds !== "softClamp" && bounds !== "none") {
      throw expected(`${where}: bounds`, '"softClamp" or "none", which ResidualFSQ has', bounds);
    }
    if (noiseDropout > 0 && noiseScale === "step") {
      throw expected(`${where}: noiseScale`, '"fixed", as in the reference', noiseScale);
    }
    const kwargs = {
      ...sameFsq.theirs(given),
      ...sharedKwargs,
      num_quantizers: given.numQuantizers,
      levels: given.levels,
      is_channel_first: layout !== "channelLast",
      bound_hard_clamp: bounds === "softClamp",
    };
    const arrays = fsqArrays(given);
    return {
      kwargs: withoutDefaults(kwargs, fsqTable),
      tensors: tensorsOf(arrays, variables as unknown as ResidualVariables),
    };
  },
};

const sameLfq = sharedOptions(residualLFQTable, [
  ...sharedNames,
  "entropyLossWeight",
  "commitmentLossWeight",
  "diversityGamma",
  "fracPerSampleEntropy",
  "spherical",
]);
const lfqTable = {
  ...sharedTable,
  ...sameLfq.kwargs,
  dim: required,
  codebook_size: required,
  straight_through_activation: own,
  experimental_softplus_entropy_loss: flagKwarg(false),
  entropy_loss_offset: numberKwarg(5),
};

const lfqArrays = ({
  dim,
  codebookSize,
  numQuantizers,
  orthogonalRotation,
}: ResidualLFQOptions) => {
  const bits = Math.log2(codebookSize);
  const places = Array.from({ length: bits }, (_, bit) => 2 ** (bits - 1 - bit));
  const arrays: Arrays = {
    dim,
    width: bits,
    layers: numQuantizers,
    rotated: orthogonalRotation ?? false,
    constant: { name: "mask", value: places },
  };
  return arrays;
};

/** `ResidualLFQ` and `residualLFQ`. */
export const residualLFQTranslation: Translation = {
  className: "ResidualLFQ",
  type: "residualLFQ",

  fromTorch(all, tensors) {
    const where = "fromTorch ResidualLFQ";
    const kwargs = completeKwargs(where, all, lfqTable);
    checkShared(where, kwargs);
    if (kwargs.straight_through_activation !== null) {
      throw expected(
        `${where}: straight_through_activation`,
        "None",
        kwargs.straight_through_activation,
      );
    }
    const given: ResidualLFQOptions = {
      dim: kwargs.dim,
      codebookSize: kwargs.codebook_size,
      numQuantizers: kwargs.num_quantizers,
      ...sameLfq.ours(kwargs),
      ...(kwargs.experimental_softplus_entropy_loss && {
        softplusEntropyLoss: { offset: kwargs.entropy_loss_offset },
      }),
    };
    const quantizer = residualLFQ(given) as unknown as Quantizer;
    const arrays = lfqArrays(given);
    checkTensors(where, tensors, shapesOf(arrays));
    return { quantizer, variables: variablesOf(arrays, tensors) };
  },

  toTorch(config, variables) {
    const given = config as unknown as ResidualLFQOptions;
    const where = "toTorch residualLFQ";
    const { straightThroughActivation: activation = "identity", softplusEntropyLoss: soft } = given;
    for (const option of ["temperature", "entropyFloor"] as const) {
      if (given[option] !== undefined) {
        throw expected(`${where}: ${option}`, "none, as in the reference", given[option]);
      }
    }
    if (activation !== "identity") {
      throw expected(`${where}: straightThroughActivation`, '"identity"', activation);
    }
    const kwargs = {
      ...sameLfq.theirs(given),
      ...sharedKwargs,
      num_quantizers: given.numQuantizers,
      dim: given.dim,
      codebook_size: given.codebookSize,
      straight_through_activation: null,
      experimental_softplus_entropy_loss: Boolean(soft),
      entropy_loss_offset: typeof soft === "object" ? soft.offset : 5,
    };
    return {
      kwargs: withoutDefaults(kwargs, lfqTable),
      tensors: tensorsOf(lfqArrays(given), variables as unknown as ResidualVariables),
    };
  },
};
