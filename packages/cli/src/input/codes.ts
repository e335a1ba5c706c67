import { parseNpy } from "vector-quantize/data";
import { codeShape } from "../codec/codeShape.ts";
import type { ModelFile } from "../codec/modelFile.ts";
import { Failure } from "../failure.ts";
import { readInput } from "../output/files.ts";

/** Indices of all images, image after image. */
export interface Codes {
  /** `[N, h, w]`, or `[N, h, w, Q]` where a vector gets Q indices; see `CodeShape`. */
  readonly shape: readonly number[];
  readonly data: Int32Array<ArrayBuffer>;
}

/** Reads codes for a model from a .npy file. Throws one line if they are not codes of this model. */
export async function readCodes(path: string, { model }: ModelFile): Promise<Codes> {
  const { shape, data } = parseNpy(await readInput(path), path);
  const { codebookSizes } = model.quantizer;
  const layers = codebookSizes.length;
  const { positions } = codeShape(model.quantizer);
  const axes = positions === 1 ? "N, positions" : "N, height, width";
  const wanted = layers === 1 ? `[${axes}]` : `[${axes}, ${layers}]`;
  const perVector = shape.slice(1 + positions).reduce((product, size) => product * size, 1);
  if (shape.length <= positions || perVector !== layers) {
    throw new Failure(`${path}: expected codes of shape ${wanted}, got [${shape.join(", ")}]`);
  }
  if (data.length === 0) {
    throw new Failure(`${path}: expected at least one code, got shape [${shape.join(", ")}]`);
  }
  if (data instanceof Float32Array || data instanceof Float64Array) {
    throw new Failure(`${path}: expected integers, got floats`);
  }
  for (let i = 0; i < data.length; i++) {
    const [code, size] = [data[i] as number, codebookSizes[i % layers] as number];
    if (code < 0 || code >= size) {
      throw new Failure(
        `${path}: expected codes from 0 to ${size - 1}, got ${code} at position ${i}`,
      );
    }
  }
  return { shape, data: Int32Array.from(data) };
}
