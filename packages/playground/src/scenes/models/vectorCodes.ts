import { tree } from "@jax-js/jax";
import { codeCounts, createCodec, type Quantizer, usedCodes } from "vector-quantize";
import { hostRandom, parseNpy, writeNpy } from "vector-quantize/data";
import type { CodedVectors, NamedFile } from "./contract.ts";
import { digestOf } from "./digest.ts";
import type { LoadedModel } from "./openFiles.ts";

/** How many vectors are drawn where no file gives some. */
export const drawnVectors = 1000;

/** Normal numbers, the same everywhere: sums of twelve uniform ones. */
export function drawVectors(count: number, dim: number): Float32Array<ArrayBuffer> {
  const { uniform } = hostRandom(1);
  return Float32Array.from({ length: count * dim }, () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += uniform();
    return sum;
  });
}

function vectorsOf(file: NamedFile, dim: number): Float32Array {
  const { shape, data } = parseNpy(file.bytes, file.name);
  if (shape.at(-1) !== dim) {
    throw new Error(`${file.name}: expected vectors of ${dim} numbers, got the shape [${shape}].`);
  }
  return Float32Array.from(data as ArrayLike<number>);
}

/** Where the features of single vectors stand. */
const shapes: Readonly<Record<string, (count: number, dim: number) => number[]>> = {
  channelLast: (count, dim) => [count, dim],
  channelFirst: (count, dim) => [count, dim, 1],
  image: (count, dim) => [count, dim, 1, 1],
  video: (count, dim) => [count, dim, 1, 1, 1],
};

/** Codes of vectors, of a file or drawn, by a quantizer alone. */
export async function codeVectors(
  { model, variables }: LoadedModel,
  file: NamedFile | undefined,
): Promise<CodedVectors> {
  const { quantizer } = model;
  const { dim, config, codebookSizes } = quantizer;
  const x = file ? vectorsOf(file, dim) : drawVectors(drawnVectors, dim);
  const count = x.length / dim;
  const own = tree.ref(variables as never) as typeof variables;
  const given = { params: own.params.quantizer, state: own.state };
  const codec = createCodec(quantizer, given);
  try {
    const shape = (shapes[`${config.layout ?? "channelLast"}`] as (typeof shapes)[string])(
      count,
      dim,
    );
    const codes = await codec.encode(x, { shape });
    const decoded = await codec.decode(codes, { shape: codes.shape });
    const layers = codes.length / count;
    const rows = byVector(codes, count, layers, quantizer);
    return {
      count,
      layers,
      codes: rows,
      file: writeNpy({ shape: codes.shape, data: codes }),
      error: x.reduce((sum, value, i) => sum + (value - (decoded[i] as number)) ** 2, 0) / x.length,
      used: codebookSizes.map((size, q) => {
        const own = rows.filter((_, i) => i % layers === q);
        return size > 2 ** 20 ? new Set(own).size : usedCodes(codeCounts(own, size));
      }),
      digest: await digestOf(codes),
    };
  } finally {
    codec.dispose();
  }
}

/** The codes of one vector after another: groups put out those of one group after another. */
function byVector(
  codes: ArrayLike<number>,
  count: number,
  layers: number,
  quantizer: Quantizer,
): Int32Array<ArrayBuffer> {
  const { groups = 1 } = quantizer as { groups?: number };
  const inGroup = layers / groups;
  return Int32Array.from({ length: codes.length }, (_, at) => {
    const [vector, layer] = [Math.floor(at / layers), at % layers];
    const group = Math.floor(layer / inGroup);
    return codes[(group * count + vector) * inGroup + (layer % inGroup)] as number;
  });
}
