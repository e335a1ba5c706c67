import { numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import { expect } from "vitest";
import { toDevice, toHost } from "../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import type {
  ApplyOptions,
  MaskOptions,
} from "../../packages/vector-quantize/src/quantizers/contract.ts";
import type { VectorQuantizeVariables } from "../../packages/vector-quantize/src/quantizers/vectorQuantize/books.ts";
import { vectorQuantize } from "../../packages/vector-quantize/src/quantizers/vectorQuantize.ts";
import {
  type CallArguments,
  type RecordedCase,
  type RecordedStep,
  type Tensors,
  tensor,
} from "./cases.ts";
import { expectEqual, expectSame } from "./compare.ts";
import { orderOfCodes, reorderIndices, reorderState } from "./reordered.ts";
import { expectReplaced } from "./replaced.ts";
import { fromParams, fromState, toOptions, toVariables } from "./torchVectorQuantize.ts";

/** Does with our quantizer what was recorded of the reference's, and compares all there is. */
export async function replay(recorded: RecordedCase): Promise<void> {
  const { compare, kwargs, steps } = recorded;
  const quantizer = vectorQuantize(toOptions(kwargs));
  let variables = toVariables(recorded.state);
  let before = recorded.state;
  let order: number[] | undefined;

  for (const [number, step] of steps.entries()) {
    const at = `step ${number}`;
    const rested = await fromState(tree.ref(variables.state));
    const after = { ...before, ...step.state };
    const take = (name: string) => toDevice(tensor(step.in, name));

    if (step.method === "forward") {
      if (kwargs.kmeans_init && number === 0) {
        variables = await quantizer.fit(variables, take("x"), masksOf(step));
      }
      const ours = await forward(variables, step, at);
      await compareOutputs(ours, step, at);
      variables = { params: variables.params, state: ours.state };
    } else if (step.method === "update_indices") {
      const owned = { params: tree.ref(variables.params), state: variables.state };
      const state = await quantizer.update(owned, take("x"), take("indices"), masksOf(step));
      variables = { params: variables.params, state };
    } else {
      const result = decoder(step.method)(tree.ref(variables), take("indices"));
      expectSame(`${at}: result`, await read(result), tensor(step.out, "result"));
    }

    const ours = await fromState(tree.ref(variables.state));
    if (compare === "replaced") {
      expectReplaced(at, { recorded, step, before, after, ours });
      // Other vectors of the batch were drawn: go on from the recorded ones.
      tree.dispose(variables);
      variables = toVariables(after);
    } else {
      const state = order ? reorderState(ours, order) : ours;
      for (const name of Object.keys(ours)) {
        if (name in step.state)
          expectSame(`${at}: ${name}`, tensor(state, name), tensor(after, name));
        else expectEqual(`${at}: ${name}, which rests`, tensor(ours, name), tensor(rested, name));
      }
    }
    before = after;
  }
  tree.dispose(variables);

  function decoder(method: string) {
    if (method === "get_codes_from_indices") return quantizer.codes;
    if (method === "get_output_from_indices") return quantizer.decode;
    throw new Error(`no function of ours for ${method}`);
  }

  /** Calls `apply`, compares its gradients, and leaves `variables.params` alive. */
  async function forward(
    { params, state }: VectorQuantizeVariables,
    step: RecordedStep,
    at: string,
  ) {
    const x = toDevice(tensor(step.in, "x"));
    const call = (): VectorQuantizeVariables => tree.ref({ params, state });
    if ("weight" in step.in) await compareGradients(call(), x.ref, step, at);
    if (compare === undefined) await compareHostPath(call(), x.ref, step, at);
    const { state: moved, ...outputs } = quantizer.apply(call(), x.ref, applyOptions(step));
    if (compare !== "drawn") {
      tree.dispose([x, state]);
      return { outputs, state: moved };
    }
    tree.dispose(moved);
    const indices = toDevice(tensor(step.out, "indices"));
    const owned = { params: tree.ref(params), state };
    return { outputs, state: await quantizer.update(owned, x, indices, masksOf(step)) };
  }

  function applyOptions(step: RecordedStep): ApplyOptions {
    return {
      training: recorded.training,
      ...masksOf(step),
      ...callOptions(step.arguments),
      // Our draws are others: with the recorded indices, all that follows from them is compared.
      ...(compare === "drawn" && { indices: toDevice(tensor(step.out, "indices")) }),
      ...(compare === "replaced" && { key: random.key(7) }),
    };
  }

  async function compareOutputs(
    { outputs }: Awaited<ReturnType<typeof forward>>,
    step: RecordedStep,
    at: string,
  ): Promise<void> {
    const { losses, ...rest } = outputs;
    const ours = await toHost({ ...rest, "losses/commitment": losses.commitment as np.Array });
    const indices = tensor(ours, "indices");
    if (compare === "clustered") {
      order ??= orderOfCodes(indices, tensor(step.out, "indices"), Number(kwargs.codebook_size));
      ours.indices = reorderIndices(indices, order);
    }
    for (const name of Object.keys(ours)) {
      if (!recorded.training && name.startsWith("losses/")) continue;
      expectSame(`${at}: ${name}`, tensor(ours, name), tensor(step.out, name));
    }
  }

  /** `encode` and `update`, which need no graph, against the same record. */
  async function compareHostPath(
    call: VectorQuantizeVariables,
    x: np.Array,
    step: RecordedStep,
    at: string,
  ): Promise<void> {
    const indices = await quantizer.encode(tree.ref(call), x.ref, masksOf(step));
    expectSame(`${at}: encode`, await read(indices.ref), tensor(step.out, "indices"));
    const rests = !recorded.training || "freeze_codebook" in step.arguments;
    if (rests) {
      tree.dispose([call, x, indices]);
      return;
    }
    const moved = await fromState(await quantizer.update(call, x, indices, masksOf(step)));
    for (const name of Object.keys(moved).filter((name) => name in step.state)) {
      expectSame(`${at}: ${name} by update`, tensor(moved, name), tensor(step.state, name));
    }
  }

  async function compareGradients(
    { params, state }: VectorQuantizeVariables,
    x: np.Array,
    step: RecordedStep,
    at: string,
  ): Promise<void> {
    const objective = (p: VectorQuantizeVariables["params"], input: np.Array) => {
      const call = { params: p, state: tree.ref(state) };
      const { quantized, loss, ...rest } = quantizer.apply(call, input, applyOptions(step));
      tree.dispose(rest);
      return np.sum(quantized.mul(toDevice(tensor(step.in, "weight")))).add(loss);
    };
    const [value, gradients] = valueAndGrad(objective, { argnums: [0, 1] })(params, x);
    tree.dispose([value, state]);
    const ours: Tensors = { ...(await fromParams(gradients[0])), x: await read(gradients[1]) };
    expect(Object.keys(ours).sort(), `${at}: gradients`).toEqual(Object.keys(step.grad).sort());
    for (const name of Object.keys(ours)) {
      expectSame(`${at}: gradient of ${name}`, tensor(ours, name), tensor(step.grad, name));
    }
  }
}

async function read(array: np.Array) {
  return tensor(await toHost({ array }), "array");
}

function masksOf({ in: { mask, lens } }: RecordedStep): MaskOptions {
  return { ...(mask && { mask: toDevice(mask) }), ...(lens && { lengths: toDevice(lens) }) };
}

/** The plain arguments of the reference's forward as options of our `apply`. */
function callOptions(given: CallArguments): ApplyOptions {
  const names: Record<string, keyof ApplyOptions> = {
    sample_codebook_temp: "temperature",
    freeze_codebook: "freezeCodebook",
  };
  const plain = Object.entries(given).filter(([name]) => name !== "mask" && name !== "lens");
  return Object.fromEntries(
    plain.map(([name, value]) => {
      const ours = names[name];
      if (!ours) throw new Error(`no option of apply for ${name}`);
      return [ours, value];
    }),
  );
}
