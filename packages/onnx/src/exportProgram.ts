import { numpy as np } from "@jax-js/jax";
import { VectorQuantizeError } from "vector-quantize";
import { expectedOf } from "./failures.ts";
import { type FilePort, writeModelFile } from "./file/modelFile.ts";
import { type ElementType, elementTypes, type FileTensor } from "./file/tensor.ts";
import { type Filling, GraphBuilder } from "./graph/graphBuilder.ts";
import { freeConstant } from "./lower/freeConstants.ts";
import { elementTypeOf, Lowering, NoOperator } from "./lower/lowering.ts";
import { numberPrimitives } from "./lower/numbers.ts";
import { productPrimitives } from "./lower/products.ts";
import { shapePrimitives } from "./lower/shapes.ts";
import { Constants } from "./trace/constants.ts";
import { type Dimension, FreeAxes, isFree } from "./trace/dimension.ts";
import { type Trace, traceOf } from "./trace/jaxpr.ts";
import { type Merged, mergeTraces, NoFormula, neededSteps, type Value } from "./trace/program.ts";
import type { NamedArray } from "./variables.ts";
import { version } from "./version.ts";

/** A function of variables and one input that is to be a file. */
export interface Exported {
  /** What errors call it. */
  readonly where: string;
  readonly run: (variables: never, x: np.Array) => np.Array[];
  readonly variables: unknown;
  readonly arrays: readonly NamedArray[];
  readonly input: {
    readonly name: string;
    readonly dtype: "float32" | "int32";
    readonly axes: readonly (number | string)[];
  };
  readonly outputs: readonly string[];
  /** What the files do to a free axis before they run; the output `cut` is as long as the input was. */
  readonly fills?: (Filling & { readonly cut: string }) | undefined;
  /** For each file how many of the outputs it has, and what it is called. */
  readonly files: readonly { readonly name: string; readonly outputs: number }[];
  /** What the lengths of free axes behind the first may have to be divisible by, the likeliest first. */
  readonly multiples: readonly number[];
  /** Type of integers of the file, in and out. */
  readonly integers: "int32" | "int64";
  /** Texts of the file beside the graph. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Files, and what was found about their axes. */
export interface ExportedFiles {
  readonly files: readonly Uint8Array[];
  /** Sizes of the outputs. */
  readonly shapes: readonly (readonly (number | string)[])[];
}

const table = { ...numberPrimitives, ...shapePrimitives, ...productPrimitives };

/** The largest file that Protobuf has: 2 GiB. */
const mostBytes = 2 ** 31 - 1;

/** The ONNX files of a function. The variables stay the caller's. */
export async function exportProgram(exported: Exported): Promise<ExportedFiles> {
  const { axes, merged, release } = mergedProgram(exported);
  try {
    const files: Uint8Array[] = [];
    for (const { name, outputs: count } of exported.files) {
      const outputs = merged.outputs.slice(0, count);
      const steps = neededSteps(merged.steps, outputs);
      const constants = await Constants.of(steps, outputs);
      try {
        const own = { ...merged, outputs, steps };
        files.push(await fileOf({ ...exported, name }, axes, own, constants));
      } finally {
        constants.dispose();
      }
    }
    return { files, shapes: merged.outputs.map((value) => sizesOf(axes, value)) };
  } catch (error) {
    throw inWords(exported, error);
  } finally {
    release();
  }
}

interface Found {
  readonly axes: FreeAxes;
  readonly merged: Merged;
  /** Gives the constants of the traces up. */
  release(): void;
}

/** Traces at several sizes, with the first multiple for which all sizes of the program are formulas. */
function mergedProgram(exported: Exported): Found {
  let why: unknown;
  for (const multiple of new Set([...exported.multiples, ...likely])) {
    try {
      return mergedAt(exported, multiple);
    } catch (error) {
      // The first reason tells most, unless only a larger multiple could be traced at all.
      if (why === undefined || (!(why instanceof NoFormula) && error instanceof NoFormula)) {
        why = error;
      }
    }
    const grows = exported.input.axes.some((axis, at) => at > 0 && typeof axis === "string");
    if (!grows) break;
  }
  throw inWords(exported, why);
}

/** What the user's own layers may divide lengths by. */
const likely = [1, 2, 4, 8, 16, 32, 64, 3, 6, 12, 24, 5, 10, 20, 40, 80, 160, 320];

function mergedAt({ run, variables, arrays, input }: Exported, multiple: number): Found {
  const free = input.axes.flatMap((axis, at) => (typeof axis === "string" ? [at] : []));
  const axes = new FreeAxes(
    free.map((at) => input.axes[at] as string),
    free.map((at) => (at === 0 ? 1 : multiple)),
  );
  const traces: Trace[] = [];
  const release = () => {
    for (const trace of traces) trace.dispose();
  };
  try {
    for (const lengths of axes.lengths) {
      const shape = input.axes.map((axis, at) =>
        typeof axis === "string" ? lengths[free.indexOf(at)]! : axis,
      );
      const x = np.zeros(shape, { dtype: np[input.dtype] });
      try {
        traces.push(traceOf(run as never, [variables, x]));
      } finally {
        x.dispose();
      }
    }
    const inputShape = input.axes.map((axis, at): Dimension => {
      if (typeof axis === "number") return axis;
      return { scale: [1, 1], axes: [free.indexOf(at)], offset: 0 };
    });
    const isPart = (name: string) => Object.hasOwn(table, name.split(" ")[0] as string);
    const merged = mergeTraces(traces, axes, { parameters: arrays, inputShape }, isPart);
    return { axes, merged, release };
  } catch (error) {
    release();
    throw error;
  }
}

async function fileOf(
  { where, name, input, outputs: names, fills, integers, metadata }: Exported & { name: string },
  axes: FreeAxes,
  merged: Merged,
  constants: Constants,
): Promise<Uint8Array> {
  const outputs = names.slice(0, merged.outputs.length);
  const isCut = (output: string) => output === fills?.cut;
  const builder = new GraphBuilder(axes, { name: input.name, shape: merged.input.shape });
  const lowering = new Lowering(builder, axes, constants, table, freeConstant);
  const typeOf = (dtype: string): ElementType =>
    dtype === "int32" ? integers : elementTypeOf(dtype);
  const wide = input.dtype === "int32" && integers === "int64";
  const { filled = input.name, length } = fills ? builder.fillUp(fills) : {};
  lowering.name(merged.input, wide ? lowering.cast(filled, "int32") : filled);
  lowering.run(merged.steps);
  merged.outputs.forEach((value, at) => {
    const whole = lowering.tensor(value);
    const tensor = isCut(outputs[at]!) ? cutTo(builder, whole, fills!.axis, length!) : whole;
    const to = typeOf(value.dtype);
    const casts = to !== value.dtype;
    const attributes = casts ? { to: { int: elementTypes[to] } } : {};
    builder.named(outputs[at]!, casts ? "Cast" : "Identity", tensor, attributes);
  });
  const { nodes, tensors: pending } = builder.finish(outputs);
  const size = [...pending.values()].reduce((sum, { shape }) => sum + 4 * product(shape), 0);
  if (size > mostBytes) {
    throw expectedOf(where, "at most 2 GiB of arrays, the most that a file has", size);
  }
  const tensors = new Map<string, FileTensor>();
  for (const [name, tensor] of pending) {
    tensors.set(name, { ...tensor, bytes: await tensor.bytes() });
  }
  const inside = fills ? axesInside(axes, input.axes[fills.axis] as string) : axes;
  const port = (name: string, value: Value): FilePort => {
    const own = name === input.name || isCut(name) ? axes : inside;
    return { name, type: typeOf(value.dtype), shape: sizesOf(own, value) };
  };
  return writeModelFile(
    {
      name,
      ...{ nodes, tensors },
      inputs: [port(input.name, merged.input)],
      outputs: merged.outputs.map((value, at) => port(outputs[at]!, value)),
    },
    { name: "vector-quantize-onnx", version },
    { ...metadata, file: name },
  );
}

/** The free axes as they are behind the filling of one. */
function axesInside({ names, multiples }: FreeAxes, filled: string): FreeAxes {
  const inside = names.map((name) => (name === filled ? `filled_${name}` : name));
  return new FreeAxes(inside, multiples);
}

/** The first `length` along an axis. */
function cutTo(builder: GraphBuilder, tensor: string, axis: number, length: string): string {
  return builder.node("Slice", [tensor, builder.ints([0]), length, builder.ints([axis])]);
}

const sizesOf = (axes: FreeAxes, { shape }: Value): (number | string)[] =>
  shape.map((length) => (isFree(length) ? axes.describe(length) : length));

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

/** What went wrong, as an error of the library. */
function inWords({ where, input }: Exported, error: unknown): unknown {
  if (error instanceof VectorQuantizeError) return error;
  const { message } = error as Error;
  if (error instanceof NoOperator) {
    const mend = /random/.test(message) ? "Evaluation must draw nothing" : undefined;
    return expectedOf(where, "a program that ONNX has operators for", message, mend);
  }
  if (error instanceof NoFormula) {
    const free = input.axes.filter((axis) => typeof axis === "string").join(", ");
    const mend = "Give the option input with numbers for such axes";
    return expectedOf(where, `sizes that are formulas of the free axes (${free})`, message, mend);
  }
  return expectedOf(where, "a function that jax-js can trace", message);
}
