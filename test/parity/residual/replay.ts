import { numpy as np, random, tree } from "@jax-js/jax";
import { expect } from "vitest";
import { toDevice, toHost } from "../../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import type {
  Quantized,
  Quantizer,
  Variables,
} from "../../../packages/vector-quantize/src/quantizers/contract.ts";
import type { ResidualApplyOptions } from "../../../packages/vector-quantize/src/quantizers/residual.ts";
import { fromTorch, toTorch } from "../../../packages/vector-quantize/src/torch/fromTorch.ts";
import { toTorchNames } from "../../../packages/vector-quantize/src/torch/toTorchNames.ts";
import { type RecordedCase, type RecordedStep, type Tensors, tensor } from "../cases.ts";
import { expectEqual, expectSame } from "../compare.ts";
import { differentiate } from "../differentiate.ts";
import { onDevice } from "../lookupFree/torch.ts";
import { expectAsFar } from "../noised.ts";
import { withOwnObjects } from "../ownObjects.ts";

/** A quantizer of which calls may say a depth. */
interface Layered extends Quantizer {
  apply(variables: Variables, x: np.Array, options?: ResidualApplyOptions): Quantized;
}

/** Does with our quantizer what was recorded of the reference's, and compares all there is. */
export async function replay(recorded: RecordedCase): Promise<void> {
  const { class: className, compare, kwargs, training, steps } = recorded;
  const convert = (tensors: Tensors, options = {}) =>
    fromTorch(className, withOwnObjects(kwargs), onDevice(tensors), options);
  const start = convert(recorded.state);
  // The reference takes images with its features second as it takes sequences.
  const image = kwargs.channel_first === true && steps[0]?.in.x?.shape.length === 4;
  const { config } = start.quantizer;
  const called = image ? convert(recorded.state, { layout: "image" }) : start;
  const quantizer = called.quantizer as Layered;
  let { variables } = start;
  if (image) tree.dispose(called.variables as never);
  const current = () => tree.ref(variables as never) as Variables;
  const again = toTorch(start.quantizer, current());
  const { quantizer: rebuilt, variables: copies } = fromTorch(
    className,
    again.kwargs,
    again.tensors,
  );
  expect(rebuilt.config, "there and back").toEqual(config);
  tree.dispose(copies as never);
  const tensorsNow = () => toHost(toTorch(quantizer, current()).tensors);

  for (const [number, step] of steps.entries()) {
    const at = `step ${number}`;
    const rested = await tensorsNow();
    if (step.method === "forward") await forward(step, at);
    else await decode(step, at);
    const ours = await tensorsNow();
    for (const name of Object.keys(ours)) {
      // The reference's beam search leaves all layers but the first as they are.
      if (compare === "firstLayer" && !name.startsWith("layers.0.")) continue;
      if (name in step.state)
        expectSame(`${at}: ${name}`, tensor(ours, name), tensor(step.state, name));
      else expectEqual(`${at}: ${name}, which rests`, tensor(ours, name), tensor(rested, name));
    }
  }
  tree.dispose(variables as never);

  async function forward(step: RecordedStep, at: string): Promise<void> {
    const x = toDevice(tensor(step.in, "x"));
    if (Object.keys(step.grad).length > 0) await compareGradients(x.ref, step, at);
    if (compare === undefined && !training && step.out.indices)
      await compareEncode(x.ref, step, at);
    const { state, losses, ...outputs } = quantizer.apply(current(), x, options(step));
    tree.dispose(losses);
    const ours = await toHost(outputs);
    for (const name of Object.keys(step.out)) {
      if (compare === "noised" && name === "quantized") continue;
      const size = name === "loss" && className.endsWith("LFQ") ? entropySize : 0;
      expectSame(`${at}: ${name}`, tensor(ours, name), tensor(step.out, name), size);
    }
    if (compare === "noised") await compareNoised(step, at, tensor(ours, "quantized"));
    tree.dispose(variables.state as never);
    variables = { params: variables.params, state };
  }

  /** Theirs is as far from the input as the sum of the codes; ours too in training. */
  async function compareNoised(step: RecordedStep, at: string, quantized: Tensors[string]) {
    const indices = toDevice(tensor(step.out, "indices"));
    const result = tensor(await toHost({ result: quantizer.decode(current(), indices) }), "result");
    const x = tensor(step.in, "x");
    expectAsFar(`${at}, recorded`, { x, codes: result, quantized: tensor(step.out, "quantized") });
    if (training) expectAsFar(at, { x, codes: result, quantized });
    else expectSame(`${at}: quantized`, quantized, result);
  }

  async function compareEncode(x: np.Array, step: RecordedStep, at: string): Promise<void> {
    const { mask } = step.in;
    const indices = await quantizer.encode(current(), x, mask && { mask: toDevice(mask) });
    const ours = tensor(await toHost({ indices }), "indices");
    expectSame(`${at}: encode`, ours, tensor(step.out, "indices"));
  }

  async function compareGradients(x: np.Array, step: RecordedStep, at: string): Promise<void> {
    if (compare === "noised") return x.dispose();
    const { params, state } = current();
    const objective = (p: typeof params, input: np.Array) => {
      const call = { params: p, state: tree.ref(state as never) };
      const { quantized, loss, ...rest } = quantizer.apply(call, input, options(step));
      tree.dispose(rest as never);
      return np.sum(quantized.mul(toDevice(tensor(step.in, "weight")))).add(np.sum(loss));
    };
    const { value, byParams, byX } = differentiate(objective, params, x);
    tree.dispose([value, state] as never);
    const named = toTorchNames(quantizer, byParams as never) as Record<string, np.Array>;
    const ours: Tensors = await toHost({ ...named, x: byX });
    for (const name of Object.keys({ ...ours, ...step.grad })) {
      // What the reference has no gradient for, ours is 0.
      const own = tensor(ours, name);
      const zeros = { ...own, data: new Float32Array(own.data.length) };
      expectSame(`${at}: gradient of ${name}`, own, step.grad[name] ?? zeros);
    }
  }

  async function decode(step: RecordedStep, at: string): Promise<void> {
    const methods = new Map([
      ["get_codes_from_indices", "codes" as const],
      ["indices_to_codes", "codes" as const],
      ["get_output_from_indices", "decode" as const],
    ]);
    const method = methods.get(step.method);
    if (!method) throw new Error(`no function of ours for ${step.method}`);
    const result = quantizer[method](current(), toDevice(tensor(step.in, "indices")));
    const ours = tensor(await toHost({ result }), "result");
    const theirs = tensor(step.out, "result");
    if (ours.shape.length !== theirs.shape.length || !isCoarse(step)) {
      expectSame(`${at}: result`, ours, theirs);
      return;
    }
    // The reference gives the codes of layers that are not there too, as zeros.
    const rows = ours.data.length;
    const rest = Array.from(theirs.data.slice(rows));
    if (method === "codes")
      expectEqual(
        `${at}: rest`,
        { ...ours, shape: [rest.length], data: new Float32Array(rest) },
        { ...ours, shape: [rest.length], data: new Float32Array(rest.length) },
      );
    expectSame(`${at}: result`, ours, {
      ...theirs,
      shape: ours.shape,
      data: theirs.data.slice(0, rows) as never,
    });
  }

  function isCoarse({ in: { indices } }: RecordedStep): boolean {
    return (indices?.shape.at(-1) ?? 0) < Number(kwargs.num_quantizers ?? 0);
  }

  function options(step: RecordedStep): ResidualApplyOptions {
    const { arguments: given, out } = step;
    const { mask, indices } = step.in;
    return {
      training,
      ...(indices && { targets: toDevice(indices) }),
      ...(mask && { mask: toDevice(mask) }),
      ...(given.freeze_codebook !== undefined && {
        freezeCodebook: given.freeze_codebook as boolean,
      }),
      ...(given.beam_size !== undefined && { beamSize: given.beam_size as number }),
      // Their draw is another: the depth that it gave is the number of layers with codes.
      ...(training &&
        kwargs.quantize_dropout === true && { depth: depthOf(tensor(out, "indices")) }),
      ...(compare === "noised" && { key: random.key(7) }),
    };
  }
}

/** How large the weighted entropies are that the loss of LFQ is a difference of. */
const entropySize = 0.1 * Math.log(16);

/** How many of the last axis's columns are ever used. */
function depthOf({ data, shape }: Tensors[string]): number {
  const columns = shape.at(-1) as number;
  return 1 + Math.max(...Array.from(data, (index, at) => (index >= 0 ? at % columns : 0)));
}
