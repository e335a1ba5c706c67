import type { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import type { Smoothing } from "../quantizers/hierarchicalVQ/images.ts";
import {
  codebookOptions,
  convolutionCount,
  type HierarchicalVQOptions,
  hierarchicalVQTable,
} from "../quantizers/hierarchicalVQ/options.ts";
import {
  type HierarchicalParams,
  type HierarchicalState,
  hierarchicalVQ,
} from "../quantizers/hierarchicalVQ.ts";
import { vectorQuantizeTable } from "../quantizers/vectorQuantize/options.ts";
import {
  completeKwargs,
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
import { paramTensors, shapesOf, tensorsOf, variablesOf } from "./vectorQuantize/tensors.ts";

type Tensors = Record<string, np.Array>;

const same = sharedOptions(hierarchicalVQTable, [
  "decay",
  "kmeansIters",
  "thresholdEmaDeadCode",
  "stochasticSampleCodes",
  "sampleCodebookTemp",
  "orthogonalRegWeight",
  "orthogonalRegMaxCodes",
  "orthogonalRegActiveCodesOnly",
]);
const table = {
  ...same.kwargs,
  dim: required,
  codebook_size: required,
  scales: own,
  commitment_weight: numberKwarg(1),
  rotation_trick: flagKwarg(false),
  kmeans_init: flagKwarg(true),
  quant_resi: numberKwarg(0.5),
  share_quant_resi: numberKwarg(1),
  accept_image_fmap: flagKwarg(false),
};

const vqOptions = (given: HierarchicalVQOptions) =>
  vectorQuantizeTable.withDefaults(codebookOptions(hierarchicalVQTable.withDefaults(given)));

/** Where a module keeps its convolutions: a shared one has a name of its own. */
function prefixes(given: HierarchicalVQOptions): string[] {
  const options = hierarchicalVQTable.withDefaults(given);
  if (options.sharedResiduals === 1) return ["phi_shared.conv."];
  return Array.from({ length: convolutionCount(options) }, (_, at) => `phi_levels.${at}.conv.`);
}

function allShapes(given: HierarchicalVQOptions): Shapes {
  const { dim } = given;
  return joined<readonly number[]>([
    under("vq.", shapesOf(vqOptions(given))),
    ...prefixes(given).map((prefix) => ({
      [`${prefix}weight`]: [dim, dim, 3, 3],
      [`${prefix}bias`]: [dim],
    })),
  ]);
}

/** PyTorch's `[out, in, 3, 3]` is our `[3, 3, in, out]`. */
const convolutionTensors = (given: HierarchicalVQOptions, convolutions: Smoothing[]): Tensors =>
  joined<np.Array>(
    prefixes(given).map((prefix, at) => {
      const { weight, bias } = convolutions[at] as Smoothing;
      return {
        [`${prefix}weight`]: weight.ref.transpose([3, 2, 0, 1]),
        [`${prefix}bias`]: bias.ref,
      };
    }),
  );

/** Parameters, or their gradients, as a `state_dict` names them; keeps no reference to them. */
export const hierarchicalParamTensors = (
  given: HierarchicalVQOptions,
  params: HierarchicalParams,
): Tensors => ({
  ...under("vq.", paramTensors(vqOptions(given), params.vq)),
  ...convolutionTensors(given, params.convolutions),
});

/** `HierarchicalVQ` and `hierarchicalVQ`. */
export const hierarchicalVQTranslation: Translation = {
  className: "HierarchicalVQ",
  type: "hierarchicalVQ",

  fromTorch(all, tensors) {
    const where = "fromTorch HierarchicalVQ";
    const kwargs = completeKwargs(where, all, table);
    if (!kwargs.accept_image_fmap) {
      throw expected(`${where}: accept_image_fmap`, "True", kwargs.accept_image_fmap);
    }
    const options: HierarchicalVQOptions = {
      ...same.ours(kwargs),
      dim: kwargs.dim,
      codebookSize: kwargs.codebook_size,
      scales: kwargs.scales as number[],
      commitmentWeight: kwargs.commitment_weight,
      gradient: kwargs.rotation_trick ? "rotation" : "straightThrough",
      residualRatio: Math.abs(kwargs.quant_resi),
      sharedResiduals: Math.max(0, Math.trunc(kwargs.share_quant_resi)),
    };
    const quantizer = hierarchicalVQ(options) as unknown as Quantizer;
    checkTensors(where, tensors, allShapes(options));
    const vq = variablesOf(vqOptions(options), below(tensors, "vq."));
    const convolutions = prefixes(options).map((prefix): Smoothing => {
      const take = (name: string) => (tensors[`${prefix}${name}`] as np.Array).ref;
      return { weight: take("weight").transpose([2, 3, 1, 0]), bias: take("bias") };
    });
    return {
      quantizer,
      variables: { params: { vq: vq.params, convolutions }, state: { vq: vq.state } },
    };
  },

  toTorch(config, variables) {
    const given = config as unknown as HierarchicalVQOptions;
    const where = "toTorch hierarchicalVQ";
    const options = hierarchicalVQTable.withDefaults(given);
    const vq = vqOptions(given);
    if (vq.gradient !== "rotation" && vq.gradient !== "straightThrough") {
      throw expected(`${where}: gradient`, '"straightThrough" or "rotation"', vq.gradient);
    }
    if (typeof vq.thresholdEmaDeadCode === "object") {
      throw expected(
        `${where}: thresholdEmaDeadCode`,
        "a count of uses, which is all that the reference has",
        `a share of ${vq.thresholdEmaDeadCode.share}`,
      );
    }
    const { params, state } = variables as unknown as {
      params: HierarchicalParams;
      state: HierarchicalState;
    };
    const kwargs = {
      ...same.theirs(given),
      dim: given.dim,
      codebook_size: given.codebookSize,
      scales: given.scales,
      commitment_weight: vq.commitmentWeight,
      rotation_trick: vq.gradient === "rotation",
      kmeans_init: false,
      quant_resi: options.residualRatio,
      share_quant_resi: options.sharedResiduals,
      accept_image_fmap: true,
    };
    const own = { params: params.vq, state: state.vq };
    return {
      kwargs: withoutDefaults(kwargs, table),
      tensors: {
        ...under("vq.", tensorsOf(vq, own)),
        ...convolutionTensors(given, params.convolutions),
      },
    };
  },
};
