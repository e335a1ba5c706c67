import { numpy as np } from "@jax-js/jax";
import { toDevice, toHost } from "../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import type { CodebookState } from "../../packages/vector-quantize/src/codebook/codebook.ts";
import type {
  VectorQuantizeParams,
  VectorQuantizeVariables,
} from "../../packages/vector-quantize/src/quantizers/vectorQuantize/books.ts";
import type { VectorQuantizeOptions } from "../../packages/vector-quantize/src/quantizers/vectorQuantize/options.ts";
import { type Kwargs, type Tensors, tensor } from "./cases.ts";

/** The reference's constructor options as ours. Throws at one that has no equal yet. */
export function toOptions(kwargs: Kwargs): VectorQuantizeOptions {
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(kwargs)) {
    const translate = translations[name];
    if (!translate) throw new Error(`no option for ${name}`);
    Object.assign(options, translate(value));
  }
  return options as unknown as VectorQuantizeOptions;
}

const same = (name: string) => (value: unknown) => ({ [name]: value });
const choice = (chosen: object, otherwise: object) => (value: unknown) =>
  value ? chosen : otherwise;

const translations: Record<string, (value: unknown) => object> = {
  dim: same("dim"),
  codebook_size: same("codebookSize"),
  codebook_dim: same("codebookDim"),
  use_cosine_sim: choice({ metric: "cosine" }, {}),
  channel_last: choice({}, { layout: "channelFirst" }),
  accept_image_fmap: choice({ layout: "image" }, {}),
  accept_3d_fmap: choice({ layout: "video" }, {}),
  decay: same("decay"),
  eps: same("eps"),
  ema_update: same("emaUpdate"),
  threshold_ema_dead_code: same("thresholdEmaDeadCode"),
  commitment_weight: same("commitmentWeight"),
  commitment_use_cross_entropy_loss: choice({ commitment: "crossEntropy" }, {}),
  rotation_trick: choice({ gradient: "rotation" }, { gradient: "straightThrough" }),
  stochastic_sample_codes: same("stochasticSampleCodes"),
  sample_codebook_temp: same("sampleCodebookTemp"),
  freeze_codebook: same("freezeCodebook"),
  kmeans_init: () => ({}), // the test calls `fit`
  kmeans_iters: same("kmeansIters"),
  return_zeros_for_masked_padding: choice({ maskedOutput: "zeros" }, { maskedOutput: "input" }),
};

/** Our arrays from the reference's `state_dict`. */
export function toVariables(tensors: Tensors): VectorQuantizeVariables {
  const array = (name: string) => toDevice(tensor(tensors, name));
  const linear = (name: string) => ({
    weight: array(`${name}.weight`).transpose(), // [out, in] to [in, out]
    bias: array(`${name}.bias`),
  });
  const params: VectorQuantizeParams = tensors["project_in.weight"]
    ? { projectIn: linear("project_in"), projectOut: linear("project_out") }
    : {};
  const state: CodebookState = {
    codebook: np.squeeze(array("_codebook.embed"), 0),
    clusterSize: np.squeeze(array("_codebook.cluster_size"), 0),
    codeSums: np.squeeze(array("_codebook.embed_avg"), 0),
  };
  return { params, state };
}

/** Our state as the reference's `state_dict` names it. Takes ownership. */
export function fromState(state: CodebookState): Promise<Tensors> {
  return toHost({
    "_codebook.embed": np.expandDims(state.codebook, 0),
    "_codebook.cluster_size": np.expandDims(state.clusterSize, 0),
    "_codebook.embed_avg": np.expandDims(state.codeSums, 0),
  });
}

/** Our parameters, or their gradients, as the reference names them. Takes ownership. */
export function fromParams({ projectIn, projectOut }: VectorQuantizeParams): Promise<Tensors> {
  return toHost({
    ...(projectIn && {
      "project_in.weight": projectIn.weight.transpose(),
      "project_in.bias": projectIn.bias,
    }),
    ...(projectOut && {
      "project_out.weight": projectOut.weight.transpose(),
      "project_out.bias": projectOut.bias,
    }),
  });
}
