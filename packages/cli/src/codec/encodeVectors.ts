import { numpy as np, tree } from "@jax-js/jax";
import { parseNpy, writeNpy } from "vector-quantize/data";
import { Failure } from "../failure.ts";
import { readInput } from "../output/files.ts";
import { checkNpyOutputs } from "../output/npyOutputs.ts";
import { openResults } from "../output/results.ts";
import type { SavedModel } from "./modelFile.ts";

/** What came of it. */
export interface EncodedVectors {
  /** Of the codes. */
  readonly shape: readonly number[];
  readonly vectors: number;
  readonly bytes: number;
}

/** Numbers that are quantized at once. */
const numbersAtOnce = 2 ** 24;

/**
 * Codes of vectors by a quantizer alone: float32 or float64 `[..., D]` of a .npy file, laid out as the
 * quantizer takes them, to int32 of another.
 */
export async function encodeVectors(
  saved: SavedModel,
  path: string,
  out: string,
): Promise<EncodedVectors> {
  const { model, variables } = saved;
  const { quantizer } = model;
  checkNpyOutputs({ out }, { "the vectors": path });
  await using results = await openResults([out]);
  const { shape, data } = parseNpy(await readInput(path), path);
  if (!(data instanceof Float32Array || data instanceof Float64Array) || shape.length < 2) {
    throw new Failure(
      `${path}: expected float32 or float64 vectors [N, ${quantizer.dim}], got ${data.constructor.name} [${shape.join(", ")}]`,
    );
  }
  const own = { params: variables.params.quantizer, state: variables.state };
  const [count = 0, ...each] = shape;
  const length = each.reduce((product, size) => product * size, 1);
  if (count * length === 0) throw new Failure(`${path}: expected vectors, got none`);
  const rows = Math.max(1, Math.floor(numbersAtOnce / length));
  const parts: np.Array[] = [];
  for (let first = 0; first < count; first += rows) {
    const numbers = Float32Array.from(data.subarray(first * length, (first + rows) * length));
    const x = np.array(numbers, { shape: [numbers.length / length, ...each] });
    parts.push(await quantizer.encode(tree.ref(own) as never, x));
  }
  // Groups stand in front.
  const { groups = 0 } = quantizer as { groups?: number };
  const codes = parts.length === 1 ? parts[0] : np.concatenate(parts, groups > 0 ? 1 : 0);
  const { shape: codeShape } = codes as np.Array;
  const bytes = writeNpy({ shape: codeShape, data: (await codes?.data()) as Int32Array });
  await results.write([bytes]);
  return { shape: codeShape, vectors: (count * length) / quantizer.dim, bytes: bytes.length };
}
