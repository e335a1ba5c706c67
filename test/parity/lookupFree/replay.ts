import { numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import { expect } from "vitest";
import { toDevice, toHost } from "../../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import type { BinaryMapper } from "../../../packages/vector-quantize/src/quantizers/binaryMapper.ts";
import type {
  ApplyOptions,
  Quantizer,
} from "../../../packages/vector-quantize/src/quantizers/contract.ts";
import { fromTorch, toTorch } from "../../../packages/vector-quantize/src/torch/fromTorch.ts";
import { toTorchNames } from "../../../packages/vector-quantize/src/torch/toTorchNames.ts";
import { type RecordedCase, type RecordedStep, type Tensors, tensor } from "../cases.ts";
import { expectEqual, expectSame } from "../compare.ts";
import { type Converted, convert, onDevice } from "./torch.ts";

/** Does with our quantizer what was recorded of the reference's, and compares all there is. */
export async function replay(recorded: RecordedCase): Promise<void> {
  const converted = convert(recorded);
  await convertBack(recorded, converted);
  for (const [number, step] of recorded.steps.entries()) {
    const at = `step ${number}`;
    if (step.method === "forward") await replayForward(recorded, converted, step, at);
    else await replayMethod(converted, step, at);
    expect(step.state, `${at}: what the reference changed`).toEqual({});
  }
}

/** What `toTorch` makes is what was recorded. */
async function convertBack(
  { class: className, state }: RecordedCase,
  { plain, variables }: Converted,
): Promise<void> {
  const { kwargs, tensors } = toTorch(plain as unknown as Quantizer, variables() as never);
  const again = fromTorch(className, kwargs, onDevice(state));
  expect(again.quantizer.config, "there and back").toEqual(plain.config);
  tree.dispose(again.variables as never);
  const ours = await toHost(tensors);
  expect(Object.keys(ours).sort(), "names of the state").toEqual(Object.keys(state).sort());
  for (const name of Object.keys(state)) {
    expectEqual(name, tensor(ours, name), tensor(state, name));
  }
}

async function replayForward(
  recorded: RecordedCase,
  { quantizer, variables }: Converted,
  step: RecordedStep,
  at: string,
): Promise<void> {
  const options = (): ApplyOptions => ({
    training: recorded.training,
    ...callOptions(step),
    // Our draws are others: with the recorded indices, all that follows from them is compared.
    ...(recorded.compare === "drawn" && {
      key: random.key(0),
      indices: toDevice(tensor(step.out, "indices")),
    }),
  });
  const { params, state } = variables();
  const x = toDevice(tensor(step.in, "x"));
  const apply = (p: typeof params, input: np.Array) =>
    quantizer.apply({ params: p, state: tree.ref(state) }, input, options());

  if ("weight" in step.in) {
    const objective = (p: typeof params, input: np.Array) => {
      const { quantized, loss, ...rest } = apply(p, input);
      tree.dispose(rest);
      return np.sum(quantized.mul(toDevice(tensor(step.in, "weight")))).add(loss);
    };
    const gradient = valueAndGrad(objective, { argnums: [0, 1] });
    const [value, [byParams, byX]] = gradient(tree.ref(params), x.ref);
    value.dispose();
    const ours: Tensors = {
      ...(await toHost(toTorchNames(quantizer as never, byParams) as Record<string, np.Array>)),
      x: tensor(await toHost({ x: byX as np.Array }), "x"),
    };
    expect(Object.keys(ours).sort(), `${at}: gradients`).toEqual(Object.keys(step.grad).sort());
    for (const name of Object.keys(ours)) {
      expectSame(`${at}: gradient of ${name}`, tensor(ours, name), tensor(step.grad, name));
    }
  }

  const { losses, state: rested, ...rest } = apply(params, x);
  const named = Object.fromEntries(
    Object.entries(losses).map(([name, value]) => [`losses/${snakeCase(name)}`, value]),
  );
  // The reference's LatentQuantize gives the sum of its losses alone.
  const parts = recorded.class === "LatentQuantize" ? {} : named;
  const ours = await toHost({ ...rest, ...parts });
  expect(Object.keys(ours).sort(), `${at}: outputs`).toEqual(Object.keys(step.out).sort());
  for (const name of Object.keys(ours)) {
    if (name.startsWith("losses/") && (!recorded.training || recorded.compare === "unweighted"))
      continue;
    const size = name === "loss" ? sizeOfTerms(recorded, step) : 0;
    expectSame(`${at}: ${name}`, tensor(ours, name), tensor(step.out, name), size);
  }
  tree.dispose([rested, state]);
}

/** How large the entropies are that the loss of LFQ is a difference of. */
function sizeOfTerms({ kwargs }: RecordedCase, { out }: RecordedStep): number {
  const terms = Object.keys(out).filter((name) => name.endsWith("_entropy"));
  const sizes = terms.map((name) => Math.abs(Number(tensor(out, name).data[0])));
  return Math.max(0, ...sizes) * Number(kwargs.entropy_loss_weight ?? 0.1);
}

async function replayMethod(
  { quantizer, variables }: Converted,
  step: RecordedStep,
  at: string,
): Promise<void> {
  const take = (name: string) => toDevice(tensor(step.in, name));
  const mapper = quantizer as BinaryMapper;
  const methods: Record<string, () => np.Array> = {
    indices_to_codes: () =>
      step.arguments.project_out === false
        ? quantizer.codes(variables(), take("indices"))
        : quantizer.decode(variables(), take("indices")),
    indices_to_level_indices: () => quantizer.levelIndices(take("indices")),
    log_prob: () => {
      const options = { sumBits: step.arguments.sum_bits !== false };
      return mapper.logProbability(take("logits"), take("indices"), options);
    },
    binary_entropy: () => mapper.entropy(take("logits")),
    calc_aux_loss: () => mapper.klLoss(take("logits")),
    codes_to_indices: () => quantizer.codesToIndices(variables(), take("zhat")),
  };
  const result = methods[step.method]?.();
  if (!result) throw new Error(`no function of ours for ${step.method}`);
  const ours = tensor(await toHost({ result }), "result");
  expectSame(`${at}: result`, ours, tensor(step.out, "result"));
}

/** The plain arguments of the reference's forward as options of our `apply`. */
function callOptions({ arguments: given }: RecordedStep): ApplyOptions {
  const { inv_temperature: inverse, temperature, ...rest } = given;
  expect(rest).toEqual({});
  if (typeof temperature === "number") return { temperature };
  return typeof inverse === "number" ? { temperature: 1 / inverse } : {};
}

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
