import { numpy as np, random, tree } from "@jax-js/jax";
import { toDevice, toHost } from "../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import type { MaskOptions } from "../../packages/vector-quantize/src/quantizers/contract.ts";
import type { VectorQuantizeVariables } from "../../packages/vector-quantize/src/quantizers/vectorQuantize/books.ts";
import type {
  MoveOptions,
  VectorQuantizeApplyOptions,
} from "../../packages/vector-quantize/src/quantizers/vectorQuantize.ts";
import { type RecordedCase, type RecordedStep, type Tensors, tensor } from "./cases.ts";
import { expectEqual, expectSame } from "./compare.ts";
import { differentiate } from "./differentiate.ts";
import { expectAsFar, expectDirectionalGradients } from "./noised.ts";
import { type Order, orderOfCodes, reorderIndices, reorderState } from "./reordered.ts";
import { expectReplaced } from "./replaced.ts";
import { convert } from "./torchVectorQuantize.ts";

/** Our losses by the reference's names. */
const lossNames = {
  commitment: "commitment",
  codebookDiversity: "codebook_diversity",
  orthogonal: "orthogonal_reg",
  inPlace: "inplace_optimize",
} as const;

/** Does with our quantizer what was recorded of the reference's, and compares all there is. */
export async function replay(recorded: RecordedCase): Promise<void> {
  const { compare, kwargs, steps, training } = recorded;
  const { quantizer, options, toVariables, toTensors, toParameters } = convert(recorded);
  const projected = "project_out.weight" in recorded.state;
  let variables = toVariables(recorded.state);
  let before = recorded.state;
  let order: Order | undefined;

  for (const [number, step] of steps.entries()) {
    const at = `step ${number}`;
    const rested = await toTensors(tree.ref(variables));
    const after = { ...before, ...step.state };
    await run(step, at, number === 0);
    const ours = await toTensors(tree.ref(variables));
    if (compare === "replaced") {
      expectReplaced(at, { recorded, step, before, after, ours });
      // Other vectors of the batch were drawn: go on from the recorded ones.
      tree.dispose(variables);
      variables = toVariables(after);
    } else {
      const state = order ? reorderState(ours, order) : ours;
      // The reference lets the averages stand that belong to other codes.
      const compared = step.method === "codebook =" ? ["_codebook.embed"] : Object.keys(ours);
      for (const name of compared) {
        if (name in step.state)
          expectSame(`${at}: ${name}`, tensor(state, name), tensor(after, name));
        else expectEqual(`${at}: ${name}, which rests`, tensor(ours, name), tensor(rested, name));
      }
    }
    before = after;
  }
  tree.dispose(variables);

  /** Does what one step did, and leaves the state after it in `variables`. */
  async function run(step: RecordedStep, at: string, first: boolean): Promise<void> {
    const take = (name: string) => toDevice(tensor(step.in, name));
    const current = () => tree.ref(variables);
    const moveTo = (state: VectorQuantizeVariables["state"]) => {
      tree.dispose(variables.state);
      variables = { params: variables.params, state };
    };
    switch (step.method) {
      case "forward": {
        if (kwargs.kmeans_init && first) {
          variables = await quantizer.fit(variables, take("x"), {
            ...masksOf(step),
            warn: () => {},
          });
        }
        const ours = await forward(step, at);
        await compareOutputs(ours.outputs, step, at);
        moveTo(ours.state);
        break;
      }
      case "update_indices":
        moveTo(await quantizer.update(current(), take("x"), take("indices"), masksOf(step)));
        break;
      case "expire_codes_":
        moveTo(await quantizer.expire(current(), take("x"), { key: random.key(7) }));
        break;
      case "_codebook.update_ema":
        moveTo(quantizer.followAverages(current()));
        break;
      case "update_in_place_optimizer":
        moveTo(quantizer.stepCodebookOptimizer(current()));
        break;
      case "codebook =":
        variables = quantizer.withCodebook(variables, take("codes"));
        break;
      case "get_codes_from_indices":
      case "get_output_from_indices": {
        const decode = step.method === "get_codes_from_indices" ? "codes" : "decode";
        const result = quantizer[decode](current(), take("indices"));
        expectSame(`${at}: result`, await read(result), tensor(step.out, "result"));
        break;
      }
      default:
        throw new Error(`no function of ours for ${step.method}`);
    }
  }

  async function forward(step: RecordedStep, at: string) {
    const x = toDevice(tensor(step.in, "x"));
    const current = () => tree.ref(variables);
    if (Object.keys(step.grad).length > 0) await compareGradients(current(), x.ref, step, at);
    if (hasHostPath(step)) await compareHostPath(current(), x.ref, step, at);
    const { state, ...outputs } = quantizer.apply(current(), x.ref, applyOptions(step));
    if (compare !== "drawn") {
      x.dispose();
      return { outputs, state };
    }
    tree.dispose(state);
    const indices = toDevice(tensor(step.out, "indices"));
    return { outputs, state: await quantizer.update(current(), x, indices, masksOf(step)) };
  }

  function applyOptions(step: RecordedStep): VectorQuantizeApplyOptions {
    const { arguments: given, in: tensors } = step;
    const shift = tensors.shift && toDevice(tensors.shift);
    const draws = compare === "replaced" || compare === "noised" || compare === "subset";
    return {
      training,
      ...masksOf(step),
      ...moveOptions(step),
      ...(given.sample_codebook_temp !== undefined && {
        temperature: given.sample_codebook_temp as number,
      }),
      ...(given.freeze_codebook !== undefined && {
        freezeCodebook: given.freeze_codebook as boolean,
      }),
      ...(given.topk !== undefined && { topk: given.topk as number }),
      ...(tensors.indices && { targets: toDevice(tensors.indices) }),
      ...(shift && { codebookTransform: shifted(shift) }),
      // Our draws are others: with the recorded indices, all that follows from them is compared.
      ...(compare === "drawn" && { indices: toDevice(tensor(step.out, "indices")) }),
      ...((draws || options.gradient === "directional") && { key: random.key(7) }),
    };
  }

  async function compareOutputs(
    { quantized, indices, loss, losses }: Awaited<ReturnType<typeof forward>>["outputs"],
    step: RecordedStep,
    at: string,
  ): Promise<void> {
    const named = Object.entries(lossNames).map(([ours, name]) => [
      `losses/${name}`,
      losses[ours] as np.Array,
    ]);
    losses.crossEntropy?.dispose();
    const ours = await toHost({ quantized, indices, loss, ...Object.fromEntries(named) });
    if (compare === "clustered") {
      const books = options.separateCodebookPerHead ? options.heads : 1;
      const recordedIndices = tensor(step.out, "indices");
      order ??= orderOfCodes(tensor(ours, "indices"), recordedIndices, options.codebookSize, books);
      ours.indices = reorderIndices(tensor(ours, "indices"), order);
    }
    for (const name of Object.keys(step.out)) {
      if (compare === "subset" && /^loss$|orthogonal/.test(name)) continue;
      if (compare === "noised" && name === "quantized") {
        if (!projected) expectAsFar(at, await noised(step, tensor(ours, name)));
        continue;
      }
      expectSame(`${at}: ${name}`, tensor(ours, name), tensor(step.out, name));
    }
  }

  /** A noised output beside its vector and code. */
  async function noised(step: RecordedStep, quantized: Tensors[string]) {
    const indices = toDevice(tensor(step.out, "indices"));
    const codes = await read(quantizer.codes(tree.ref(variables), indices));
    return { x: tensor(step.in, "x"), codes, quantized };
  }

  /** Whether `encode` and `update` do the same as this forward. */
  function hasHostPath({ arguments: given, in: tensors }: RecordedStep): boolean {
    const plain = given.topk === undefined && !tensors.shift && !tensors.indices;
    return plain && compare === undefined && !options.inPlaceCodebookOptimizer;
  }

  /** `encode` and `update`, which need no graph, against the same record. */
  async function compareHostPath(
    call: VectorQuantizeVariables,
    x: np.Array,
    step: RecordedStep,
    at: string,
  ): Promise<void> {
    const moves = training && step.arguments.freeze_codebook === undefined;
    // Statistics of the batch move the codes before they are compared, in training alone.
    const searched = moves && options.affineParam;
    const indices = searched
      ? toDevice(tensor(step.out, "indices"))
      : await quantizer.encode(tree.ref(call), x.ref, masksOf(step));
    expectSame(`${at}: encode`, await read(indices.ref), tensor(step.out, "indices"));
    if (!moves) {
      tree.dispose([call, x, indices]);
      return;
    }
    const { params } = tree.ref(call);
    const given = { ...masksOf(step), ...moveOptions(step), key: random.key(7) };
    const state = await quantizer.update(call, x, indices, given);
    const moved = await toTensors({ params, state });
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
    const { weight } = step.in;
    const objective = (p: VectorQuantizeVariables["params"], input: np.Array) => {
      const call = { params: p, state: tree.ref(state) };
      const { quantized, loss, ...rest } = quantizer.apply(call, input, applyOptions(step));
      tree.dispose(rest);
      const total = np.sum(loss);
      if (weight) return np.sum(quantized.mul(toDevice(weight))).add(total);
      quantized.dispose();
      return total;
    };
    const { value, byParams, byX } = differentiate(objective, params, x);
    tree.dispose([value, state]);
    const ours: Tensors = { ...(await toParameters(byParams)), x: await read(byX) };
    if (compare === "noised") {
      if (projected) return;
      const input = toDevice(tensor(step.in, "x"));
      const { quantized, ...rest } = quantizer.apply(
        tree.ref(variables),
        input,
        applyOptions(step),
      );
      tree.dispose(rest);
      const parts = await noised(step, await read(quantized));
      const indices = tensor(step.out, "indices");
      expectDirectionalGradients(at, parts, tensor(step.in, "weight"), indices, ours);
      return;
    }
    for (const name of Object.keys({ ...ours, ...step.grad })) {
      // What the reference has no gradient for, ours is 0.
      const recordedGradient = step.grad[name] ?? zerosLike(tensor(ours, name));
      expectSame(`${at}: gradient of ${name}`, tensor(ours, name), recordedGradient);
    }
  }
}

const zerosLike = (values: Tensors[string]) => ({
  ...values,
  data: new Float32Array(values.data.length),
});

async function read(array: np.Array) {
  return tensor(await toHost({ array }), "array");
}

function masksOf({ in: { mask, lens } }: RecordedStep): MaskOptions {
  return { ...(mask && { mask: toDevice(mask) }), ...(lens && { lengths: toDevice(lens) }) };
}

function moveOptions({ arguments: given, in: tensors }: RecordedStep): MoveOptions {
  const { ema_update_weight: weight } = tensors;
  return {
    ...(weight && { emaUpdateWeight: toDevice(weight) }),
    ...(given.accum_ema_update !== undefined && {
      accumEmaUpdate: given.accum_ema_update as boolean,
    }),
    ...(given.ema_update !== undefined && { emaUpdate: given.ema_update as boolean }),
  };
}

/** Codes `[K, C]` as each vector sees them, moved by its own row of `shift`: `[M, K, C]`. */
function shifted(shift: np.Array) {
  const C = shift.shape.at(-1) as number;
  const rows = shift.reshape([-1, 1, C]);
  return (codes: np.Array) => np.expandDims(codes, 0).add(rows.ref);
}
