import { makeJaxpr, type numpy as np, random, tree } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import type { ModelConfig } from "../nn/model.ts";
import type { QuantizerConfig } from "../quantizers/contract.ts";
import { type ArrayTree, owns } from "../tree.ts";
import type { HostTensor } from "./dtypes.ts";
import { saveSafetensors, toDevice } from "./safetensors.ts";
import { decodeSafetensors } from "./safetensorsFormat.ts";
import { flattenTree, unflattenTree } from "./treeNames.ts";

/**
 * A checkpoint is a safetensors file whose metadata says how to rebuild what its arrays belong to:
 * `format`, `version`, `kind`, and JSON texts under further keys.
 */
const format = "vector-quantize";
const version = "1";

/** What a checkpoint holds: variables of a quantizer or a model, or all that training needs to go on. */
export type CheckpointKind = "quantizer" | "model" | "training";

/** A checkpoint whose arrays wait for a tree to go into. */
export interface OpenCheckpoint {
  /** The JSON value stored under `key`. Throws if there is none. */
  json(key: string): unknown;
  /** What a program stored beside it. Throws if that is no object. */
  details(): Details;
  /**
   * The arrays in the structure of what `init` makes: it is traced for shapes alone, so that nothing is
   * made before all tensors fit.
   */
  restore<T extends ArrayTree>(init: (key: np.Array) => T): T;
  readonly tensors: Readonly<Record<string, HostTensor>>;
}

/** Plain JSON that a program stores beside arrays, such as the image size a model was trained on. */
export type Details = Readonly<Record<string, unknown>>;

/** Writes a checkpoint. Takes ownership of `arrays`; the rest is stored beside them as JSON. */
export async function writeCheckpoint(
  kind: CheckpointKind,
  config: ModelConfig | QuantizerConfig,
  details: Details,
  arrays: ArrayTree,
): Promise<Uint8Array<ArrayBuffer>> {
  using _ = owns(arrays);
  checkDetails(`${kind} checkpoint`, details);
  return saveSafetensors(tree.ref(flattenTree(arrays)), {
    format,
    version,
    kind,
    config: JSON.stringify(config),
    details: JSON.stringify(details),
  });
}

function checkDetails(where: string, details: unknown): asserts details is Details {
  if (typeof details === "object" && details !== null && !Array.isArray(details)) return;
  throw expected(`${where}: details`, "an object", details);
}

/**
 * Reads a checkpoint.
 *
 * @param file what errors call it.
 * @throws VectorQuantizeError if it is damaged, no checkpoint, or one of another kind or version.
 */
export function openCheckpoint(
  bytes: Uint8Array,
  kind: CheckpointKind,
  file: string,
): OpenCheckpoint {
  const { tensors, metadata } = decodeSafetensors(bytes, file);
  if (metadata.format !== format) {
    throw new VectorQuantizeError(
      `${file}: expected a ${format} checkpoint, got a safetensors file of another program`,
    );
  }
  if (metadata.version !== version) {
    throw expected(`${file}: format version`, JSON.stringify(version), metadata.version);
  }
  if (metadata.kind !== kind) {
    throw expected(file, `a checkpoint of kind ${JSON.stringify(kind)}`, metadata.kind);
  }
  const json = (key: string): unknown => {
    try {
      return JSON.parse(metadata[key] as string);
    } catch {
      throw expected(`${file}: metadata ${JSON.stringify(key)}`, "JSON text", metadata[key]);
    }
  };
  return {
    tensors,
    json,
    details() {
      const details = json("details");
      checkDetails(file, details);
      return details;
    },
    restore: (init) => unflattenTree(shapesOf(init), tensors, toDevice, file),
  };
}

/** Shapes and element types of what `init` makes of a key; no array of these is made. */
function shapesOf<T extends ArrayTree>(init: (key: np.Array) => T): T {
  let shapes: unknown;
  const trace = makeJaxpr((key: np.Array) => {
    const made = init(key) as never;
    shapes = tree.map(({ shape, dtype }: np.Array) => ({ shape, dtype }) as never, made);
    return made;
  });
  trace(random.key(0)).jaxpr.dispose();
  return shapes as T;
}

/** Calls `build`, so that its errors name `file`. */
export function rebuild<T>(file: string, build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (error instanceof VectorQuantizeError) {
      throw new VectorQuantizeError(`${file}: ${error.message}`);
    }
    throw error;
  }
}
