/** The reference's lookup-free classes in our terms: options, arrays and losses. */
import type { numpy as np } from "@jax-js/jax";
import { toDevice, toHost } from "../../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import type { LinearMap } from "../../../packages/vector-quantize/src/layout/linear.ts";
import { binaryMapper } from "../../../packages/vector-quantize/src/quantizers/binaryMapper.ts";
import type { Variables } from "../../../packages/vector-quantize/src/quantizers/contract.ts";
import { fsp } from "../../../packages/vector-quantize/src/quantizers/fsp.ts";
import { fsq } from "../../../packages/vector-quantize/src/quantizers/fsq.ts";
import { latentQuantize } from "../../../packages/vector-quantize/src/quantizers/latentQuantize.ts";
import { lfq } from "../../../packages/vector-quantize/src/quantizers/lfq.ts";
import type { LookupFreeQuantizer } from "../../../packages/vector-quantize/src/quantizers/lookupFree.ts";
import { type Kwargs, type Tensors, tensor } from "../cases.ts";

/** What a class of the reference corresponds to. */
interface Translation {
  make: (options: never) => LookupFreeQuantizer;
  /** Our options for each of the reference's. */
  options: Record<string, (value: unknown) => object>;
}

const same = (name: string) => (value: unknown) => ({ [name]: value });

const shared = {
  dim: same("dim"),
  num_codebooks: same("numCodebooks"),
  keep_num_codebooks_dim: same("keepNumCodebooksDim"),
  channel_first: () => ({}), // see `layoutOf`
  projection_has_bias: same("projectionHasBias"),
  orthogonal_rotation: same("orthogonalRotation"),
};

export const translations: Record<string, Translation> = {
  BinaryMapper: {
    make: binaryMapper,
    options: {
      bits: same("bits"),
      kl_loss_threshold: same("klLossThreshold"),
      deterministic_on_eval: same("deterministicOnEval"),
    },
  },
  FSP: {
    make: fsp,
    options: {
      ...shared,
      levels: same("levels"),
      act_name: same("activation"),
      quantize_rate: same("quantizeRate"),
      need_inv_act: same("inverseActivation"),
      vector_norm: (name) => ({
        vectorNorm: String(name).replace(/_(.)/, (_, letter) => letter.toUpperCase()),
      }),
    },
  },
  FSQ: {
    make: fsq,
    options: {
      ...shared,
      levels: same("levels"),
      preserve_symmetry: same("preserveSymmetry"),
      noise_dropout: same("noiseDropout"),
      bound_hard_clamp: same("boundHardClamp"),
    },
  },
  LatentQuantize: {
    make: latentQuantize,
    options: {
      ...shared,
      levels: same("levels"),
      codebook_dim: same("codebookDim"),
      commitment_loss_weight: same("commitmentLossWeight"),
      quantization_loss_weight: same("quantizationLossWeight"),
      optimize_values: same("optimizeValues"),
    },
  },
  LFQ: {
    make: lfq,
    options: {
      ...shared,
      codebook_size: same("codebookSize"),
      entropy_loss_weight: same("entropyLossWeight"),
      commitment_loss_weight: same("commitmentLossWeight"),
      diversity_gamma: same("diversityGamma"),
      straight_through_activation: () => ({ straightThroughActivation: "tanh" }), // the only one
      codebook_scale: same("codebookScale"),
      frac_per_sample_entropy: same("fracPerSampleEntropy"),
      has_projections: same("hasProjections"),
      soft_clamp_input_value: same("softClampInputValue"),
      cosine_sim_project_in: same("cosineSimProjectIn"),
      cosine_sim_project_in_scale: (scale) => ({ cosineSimProjectIn: { scale } }),
      experimental_softplus_entropy_loss: same("softplusEntropyLoss"),
      entropy_loss_offset: (offset) => ({ softplusEntropyLoss: { offset } }),
      spherical: same("spherical"),
    },
  },
};

/** Our quantizer for a class, its options and the rank of its input. */
export function toQuantizer(className: string, kwargs: Kwargs, rank: number): LookupFreeQuantizer {
  const { make, options } = translations[className] as Translation;
  const ours: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(kwargs)) {
    const translate = options[name];
    if (!translate) throw new Error(`no option for ${name}`);
    Object.assign(ours, translate(value));
  }
  const layout = layoutOf(className, kwargs, rank);
  return make({ ...ours, ...(layout && { layout }) } as never);
}

/** Most of the reference's classes take every input of 4 or 5 axes as an image or a video. */
function layoutOf(className: string, { channel_first: first }: Kwargs, rank: number) {
  if (className === "LatentQuantize" && rank === 3) return "channelFirst";
  const guesses = className !== "BinaryMapper" && (className !== "FSP" || first);
  if (guesses && rank === 5) return "video";
  if (guesses && rank === 4) return "image";
  return first ? "channelFirst" : undefined;
}

type Arrays = Variables<Record<string, never>, Record<string, never>>;

/** The cosine map of LFQ keeps its weight as `[in, out]`, where `nn.Linear` has `[out, in]`. */
const keepsWeight = (name: string, kwargs: Kwargs) =>
  name === "project_in" && kwargs.cosine_sim_project_in === true;

/** Our arrays from the reference's `state_dict`. */
export function toVariables(tensors: Tensors, kwargs: Kwargs): Arrays {
  const array = (name: string) => toDevice(tensor(tensors, name));
  const linear = (name: string): LinearMap => ({
    weight: keepsWeight(name, kwargs)
      ? array(`${name}.weight`)
      : array(`${name}.weight`).transpose(),
    ...(tensors[`${name}.bias`] && { bias: array(`${name}.bias`) }),
  });
  const values = Object.keys(tensors)
    .filter((name) => name.startsWith("values_per_latent."))
    .map((_, d) => array(`values_per_latent.${d}`));
  const params = {
    ...(values.length > 0 && { values }),
    ...(tensors["project_in.weight"] && { projectIn: linear("project_in") }),
    ...(tensors["project_out.weight"] && { projectOut: linear("project_out") }),
  };
  const state = { ...(tensors.orthogonal_rot && { rotation: array("orthogonal_rot") }) };
  return { params, state } as unknown as Arrays;
}

/** Our parameters, or their gradients, as the reference names them. Takes ownership. */
export function fromParams(params: unknown, kwargs: Kwargs): Promise<Tensors> {
  const { projectIn, projectOut } = params as { projectIn?: LinearMap; projectOut?: LinearMap };
  const linear = (name: string, map: LinearMap | undefined): Record<string, np.Array> => ({
    ...(map && {
      [`${name}.weight`]: keepsWeight(name, kwargs) ? map.weight : map.weight.transpose(),
    }),
    ...(map?.bias && { [`${name}.bias`]: map.bias }),
  });
  return toHost({ ...linear("project_in", projectIn), ...linear("project_out", projectOut) });
}
