import { type numpy as np, tree } from "@jax-js/jax";
import { openVq, type VqFile } from "vector-quantize/codes";
import { loadModel, type Model, type ModelVariables, sequential } from "vector-quantize/nn";
import { readSafetensors } from "vector-quantize/safetensors";
import type { ModelsSettings, NamedFile, OpenedModel, OpenedTensors } from "./contract.ts";

/** A model with its variables, and what its file says. */
export interface LoadedModel {
  readonly model: Model;
  readonly variables: ModelVariables;
  readonly opened: OpenedModel;
  /** The file as it was, to save it again. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What files turned out to be. */
export interface Found {
  readonly model?: LoadedModel;
  readonly state?: NamedFile;
  readonly codes?: { readonly name: string; readonly bytes: Uint8Array; readonly file: VqFile };
  readonly prior?: { readonly bytes: Uint8Array };
}

const nameOf = ({ name }: NamedFile) => name.slice(name.lastIndexOf("/") + 1);

/** Files of a run, the best to open first: others of the run hold the state of training, or reports. */
const wanted = [/^model\.safetensors$/, /^best\.safetensors$/, /\.safetensors$/];

/** Looks at files: a model, codes or both, and the prior that codes may need. */
export async function findIn(files: readonly NamedFile[]): Promise<Found> {
  const readable = files.filter((file) => !/training\.safetensors$/.test(nameOf(file)));
  const safetensors = wanted
    .map((name) => readable.find((file) => name.test(nameOf(file))))
    .find((file) => file !== undefined);
  const codes = files.find((file) => /\.vq$/.test(nameOf(file)) && nameOf(file) !== "prior.vq");
  const prior = files.find((file) => nameOf(file) === "prior.vq");
  if (!safetensors && !codes) {
    const got = files.map(nameOf).slice(0, 5).join(", ");
    throw new Error(`Expected a .safetensors or .vq file, or the folder of a run, got ${got}.`);
  }
  return {
    ...(safetensors && openSafetensors(safetensors)),
    ...(codes && {
      codes: {
        name: nameOf(codes),
        bytes: codes.bytes,
        file: await openVq(codes.bytes, { where: nameOf(codes) }),
      },
    }),
    ...(prior && { prior: { bytes: prior.bytes } }),
  };
}

function openSafetensors(file: NamedFile): Pick<Found, "model" | "state"> {
  const { tensors, metadata } = readSafetensors(file.bytes);
  tree.dispose(tensors as never);
  if (metadata.config === undefined) return { state: file };
  const { model, variables, details } = loadModel(file.bytes, { file: nameOf(file) });
  return { model: describe(nameOf(file), model, variables, details, file.bytes) };
}

/** What a model is, by what is stored beside it. */
export function describe(
  file: string,
  model: Model,
  variables: ModelVariables,
  details: Readonly<Record<string, unknown>>,
  bytes: Uint8Array<ArrayBuffer>,
): LoadedModel {
  const { type, ...options } = model.quantizer.config;
  const { patch } = Object(details.settings) as { patch?: unknown };
  const { channels } = Object(details.images) as { channels?: unknown };
  const { sampleRate } = Object(details.sounds) as { sampleRate?: unknown };
  const leaves = tree.leaves(variables as never) as np.Array[];
  const numbers = leaves.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const common = { file, type, options, numbers };
  const { dim, codebookSizes } = model.quantizer;
  const quantizer = { ...common, dim, codebookSizes: [...codebookSizes] };
  if (typeof channels === "number" && typeof patch === "number") {
    const opened = { ...quantizer, medium: "pictures", patch, channels } as const;
    return { model, variables, bytes, opened };
  }
  if (typeof sampleRate === "number") {
    return {
      model,
      variables,
      bytes,
      opened: { ...quantizer, medium: "sounds", rate: sampleRate },
    };
  }
  if (model.config.parts.length === 1) {
    return { model, variables, bytes, opened: { ...quantizer, medium: "vectors" } };
  }
  tree.dispose(variables as never);
  throw new Error(`${file}: expected a model that vq train wrote, or a quantizer alone.`);
}

/** A state_dict's tensors, and which class they may be of. */
export function tensorsIn({ name, bytes }: NamedFile): OpenedTensors {
  const { tensors } = readSafetensors(bytes);
  const listed = Object.entries(tensors).map(([each, { shape }]) => ({
    name: each,
    shape: [...shape],
  }));
  tree.dispose(tensors as never);
  const guess = guessOf(listed);
  return { file: name, tensors: listed, ...(guess && { guess }) };
}

/** The class and options of the commonest modules, by the names and shapes of their codebooks. */
function guessOf(tensors: OpenedTensors["tensors"]): ModelsSettings | undefined {
  const codebooks = tensors.filter(({ name }) => /(^|\.)_codebook\.embed$/.test(name));
  const [first] = codebooks;
  if (!first) return undefined;
  const [, size, dim] = first.shape;
  const layered = first.name.match(/^(?:(.*)\.)?layers\.0\._codebook\.embed$/);
  const alone = first.name.match(/^(?:(.*)\.)?_codebook\.embed$/);
  const kwargs = { dim, codebook_size: size };
  if (layered) {
    const several = { ...kwargs, num_quantizers: codebooks.length };
    return { className: "ResidualVQ", kwargs: JSON.stringify(several), prefix: layered[1] ?? "" };
  }
  return { className: "VectorQuantize", kwargs: JSON.stringify(kwargs), prefix: alone?.[1] ?? "" };
}

/** A quantizer of PyTorch, as a model without anything around it. */
export async function fromState(
  { name, bytes }: NamedFile,
  { className, kwargs, prefix }: ModelsSettings,
): Promise<LoadedModel> {
  const { fromTorch } = await import("vector-quantize/torch");
  const { saveModel } = await import("vector-quantize/nn");
  let options: Record<string, unknown>;
  try {
    options = JSON.parse(kwargs || "{}");
  } catch {
    throw new Error(
      `Options: expected JSON such as {"dim": 64, "codebook_size": 512}, got ${kwargs}. Python's True, False and None are true, false and null.`,
    );
  }
  const { tensors } = readSafetensors(bytes);
  const where = prefix === "" ? {} : { prefix };
  const { quantizer, variables } = fromTorch(className, options, tensors, where);
  const model = sequential([quantizer]);
  const { params, state } = variables;
  const all = { params: { encoder: [], quantizer: params, decoder: [] }, state };
  const imported = { from: name, class: className, kwargs: options };
  const saved = await saveModel(model, tree.ref(all as never), { imported } as never);
  return describe(name, model, all as unknown as ModelVariables, { imported }, saved);
}
