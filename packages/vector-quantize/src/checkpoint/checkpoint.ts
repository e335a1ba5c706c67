import { random, tree } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import type { ArrayTree } from "../tree.ts";
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

/** What a checkpoint holds: a model's variables, or all that its training needs to go on. */
export type CheckpointKind = "model" | "training";

/** A checkpoint whose arrays wait for a tree to go into. */
export interface OpenCheckpoint {
  /** The JSON value stored under `key`. Throws if there is none. */
  json(key: string): unknown;
  /** The arrays in the structure of `template`, whose arrays are disposed. */
  restore<T extends ArrayTree>(template: T): T;
  readonly tensors: Readonly<Record<string, HostTensor>>;
}

/** Writes a checkpoint. Takes ownership of `arrays`; `json` is stored beside them. */
export async function writeCheckpoint(
  kind: CheckpointKind,
  json: Readonly<Record<string, unknown>>,
  arrays: ArrayTree,
): Promise<Uint8Array<ArrayBuffer>> {
  const texts = Object.entries(json).map(([key, value]) => [key, JSON.stringify(value)] as const);
  return saveSafetensors(flattenTree(arrays), {
    format,
    version,
    kind,
    ...Object.fromEntries(texts),
  });
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
  return {
    tensors,
    json(key) {
      try {
        return JSON.parse(metadata[key] as string);
      } catch {
        throw expected(`${file}: metadata ${JSON.stringify(key)}`, "JSON text", metadata[key]);
      }
    },
    restore(template) {
      try {
        return unflattenTree(template, tensors, toDevice, file);
      } finally {
        tree.dispose(template as never);
      }
    },
  };
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

/** A key for variables of which only the shapes matter. */
export const anyKey = () => random.key(0);
