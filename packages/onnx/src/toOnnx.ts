import { tree } from "@jax-js/jax";
import { hasCodes, owns, type Quantizer, type Variables } from "vector-quantize";
import { type Exported, exportProgram } from "./exportProgram.ts";
import { expectedOf } from "./failures.ts";
import type { Filling } from "./graph/graphBuilder.ts";
import { checkOnnxOptions, type OnnxOptions } from "./options.ts";
import { namedArrays } from "./variables.ts";
import { version } from "./version.ts";

/** Three ONNX files. Each has one input, and where it gives indices they are its first output. */
export interface OnnxFiles {
  /** Input to `indices`. */
  readonly encode: Uint8Array;
  /** `indices` to the output. */
  readonly decode: Uint8Array;
  /** Input to `indices` and the output. */
  readonly apply: Uint8Array;
}

/** What is exported: how it computes its three files, and what is said of it. */
export interface Exportable {
  readonly where: string;
  readonly variables: unknown;
  readonly quantizer: Quantizer;
  readonly config: unknown;
  /** Names of inputs and outputs that aren't indices. */
  readonly input: { readonly name: string; readonly axes: readonly (number | string)[] };
  /** What lengths of the input, and of the indices, are likely to have to be divisible by. */
  /** What a free axis of the input is filled up to a multiple of; the output is cut again. */
  readonly filling?: Filling;
  readonly multiples: { readonly input: readonly number[]; readonly indices: readonly number[] };
  readonly output: string;
  readonly apply: Exported["run"];
  readonly decode: Exported["run"];
  /** What the quantizer puts out, which `decode` takes where there are no indices. */
  readonly quantized: Exported["run"];
}

/**
 * A quantizer in evaluation as ONNX files, for any runtime.
 *
 * ```ts
 * const { encode, decode, apply } = await toOnnx(quantizer, tree.ref(variables));
 * ```
 *
 * `encode` has the input `x`, float32 in the quantizer's layout, and the output `indices`; `apply` beside it
 * the output `quantized`; `decode` has the input `indices` and the output `quantized`. The batch is free, and
 * so are the positions of channels-first series, images and videos (`hierarchicalVQ` wants its last scale's
 * size). Masks, losses and what training draws are left out. Of `identity`, which has no codes, `decode`
 * takes what `apply` puts out.
 *
 * The graph holds the scores of N vectors and K codes at once: 4 N K bytes.
 *
 * @param variables ownership is taken
 * @throws VectorQuantizeError for variables of another quantizer, a user's own function that can't be traced,
 *   and what ONNX has no operators for, such as random numbers
 */
export async function toOnnx<Given extends Variables>(
  quantizer: Quantizer<Given["params"], Given["state"]>,
  variables: Given,
  options: OnnxOptions = {},
): Promise<OnnxFiles> {
  using _ = owns(variables);
  checkOnnxOptions("toOnnx", options);
  const plain = quantizer as unknown as Quantizer;
  if (typeof plain?.apply !== "function" || !Array.isArray(plain.codebookSizes)) {
    throw expectedOf("toOnnx: quantizer", "a quantizer", quantizer);
  }
  const { config, dim } = plain;
  return await filesOf(
    {
      where: `toOnnx ${config.type}`,
      ...{ variables, quantizer: plain, config, output: "quantized" },
      input: { name: "x", axes: options.input ?? inputAxes(config, dim) },
      multiples: { input: [], indices: [] },
      apply(own, x) {
        const { indices, quantized, ...others } = plain.apply(own, x);
        tree.dispose(others as never);
        return [indices, quantized];
      },
      decode: (own, given) => [hasCodes(plain) ? plain.decode(own, given) : given],
      quantized(own, x) {
        const { quantized, ...others } = plain.apply(own, x);
        tree.dispose(others as never);
        return [quantized];
      },
    },
    options,
  );
}

/** The side of the images that a quantizer takes, if it can't be free: where scales are resized to it. */
export function fixedSide({ type, scales }: Quantizer["config"]): number | undefined {
  return type === "hierarchicalVQ" ? (scales as readonly number[]).at(-1) : undefined;
}

/** The axes of a quantizer's input. */
export function inputAxes(config: Quantizer["config"], dim: number): (number | string)[] {
  const side = fixedSide(config);
  if (side !== undefined) return ["batch", dim, side, side];
  switch (config.layout) {
    case "channelFirst":
      return ["batch", dim, "positions"];
    case "image":
      return ["batch", dim, "height", "width"];
    case "video":
      return ["batch", dim, "time", "height", "width"];
    default:
      return ["batch", dim];
  }
}

/** The three files of what is exported. */
export async function filesOf(source: Exportable, options: OnnxOptions): Promise<OnnxFiles> {
  const { where, variables, quantizer, config, input, output, filling, multiples } = source;
  const integers = options.indices ?? "int32";
  const shared = { where, variables, arrays: namedArrays(where, variables), integers };
  const metadata = {
    config: JSON.stringify(config),
    codebook_sizes: JSON.stringify(quantizer.codebookSizes),
    layout: String(quantizer.config.layout ?? "channelLast"),
    version,
  };
  const from = { ...input, dtype: "float32" as const };
  const { files, shapes } = await exportProgram({
    ...{ ...shared, metadata, run: source.apply, input: from, outputs: ["indices", output] },
    ...(filling && { fills: { ...filling, cut: output } }),
    multiples: multiples.input,
    files: [
      { name: "apply", outputs: 2 },
      { name: "encode", outputs: 1 },
    ],
  });
  const decoded = await exportProgram({
    ...{ ...shared, metadata, run: source.decode, outputs: [output] },
    ...{ input: await given(), files: [{ name: "decode", outputs: 1 }] },
    multiples: multiples.indices,
  });
  const [apply, encode] = files as [Uint8Array, Uint8Array];
  return { encode, decode: decoded.files[0] as Uint8Array, apply };

  /** What `decode` takes. */
  async function given(): Promise<Exported["input"]> {
    if (hasCodes(quantizer)) {
      return { name: "indices", dtype: "int32", axes: named(shapes[0]!) };
    }
    const quantized = await exportProgram({
      ...{ ...shared, metadata, run: source.quantized, input: from },
      ...{ outputs: ["quantized"], files: [], multiples: multiples.input },
    });
    return { name: "x", dtype: "float32", axes: named(quantized.shapes[0]!) };
  }
}

/** Axes with a name of their own in place of each formula. */
const named = (axes: readonly (number | string)[]): (number | string)[] =>
  axes.map((axis, at) =>
    typeof axis === "string" && !/^\w+$/.test(axis) ? `positions_${at}` : axis,
  );
