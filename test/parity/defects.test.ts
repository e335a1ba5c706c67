/**
 * Where the reference raises or is wrong nothing is recorded: the right behaviour is tested here.
 *
 * Most of it is one rule. However vectors are laid out, and whatever padding stands between them, a
 * quantizer does to them what it does to the same vectors in one plain sequence.
 */
import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { toHost } from "../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import { flattenTree } from "../../packages/vector-quantize/src/checkpoint/treeNames.ts";
import type { QuantizerConfig } from "../../packages/vector-quantize/src/quantizers/contract.ts";
import { quantizerFromConfig } from "../../packages/vector-quantize/src/quantizers/registry.ts";
import type { VectorQuantizeOptions } from "../../packages/vector-quantize/src/quantizers/vectorQuantize/options.ts";
import {
  type VectorQuantizer,
  vectorQuantize,
} from "../../packages/vector-quantize/src/quantizers/vectorQuantize.ts";
import { sgd } from "../../packages/vector-quantize/src/train/optimizers.ts";
import { type Tensors, tensor } from "./cases.ts";
import { expectSame } from "./compare.ts";
import { differentiate } from "./differentiate.ts";

type Variables = ReturnType<VectorQuantizer["init"]>;
type Options = Omit<VectorQuantizeOptions, "dim" | "codebookSize" | "layout">;

const [B, H, W, D] = [2, 3, 4, 6];
const base = { dim: D, codebookSize: 10 };

/** How B x H x W vectors are laid out: the input's layout and its shape before any transposition. */
const arrangements = {
  sequence: { layout: "channelLast", shape: [B, H * W, D] },
  "channel first": { layout: "channelFirst", shape: [B, H * W, D] },
  image: { layout: "image", shape: [B, H, W, D] },
  video: { layout: "video", shape: [B, H, 2, W / 2, D] },
  "single tokens": { layout: "channelLast", shape: [B * H * W, D] },
  "single tokens, channel first": { layout: "channelFirst", shape: [B * H * W, D] },
} as const;
type Arrangement = keyof typeof arrangements;

const optionSets: Record<string, Options> = {
  euclidean: {},
  cosine: { metric: "cosine" },
  projected: { codebookDim: 3 },
  "projected, cosine": { codebookDim: 3, metric: "cosine" },
  "straight through": { gradient: "straightThrough" },
  "cross-entropy": { commitment: "crossEntropy" },
  "cross-entropy, cosine, projected": {
    commitment: "crossEntropy",
    metric: "cosine",
    codebookDim: 3,
  },
  heads: { heads: 2, codebookDim: 3 },
  "heads, cosine, projected": { heads: 3, codebookDim: 4, metric: "cosine" },
  "codebook per head": { heads: 2, codebookDim: 3, separateCodebookPerHead: true },
  "cross-entropy, codebook per head": {
    heads: 2,
    codebookDim: 3,
    separateCodebookPerHead: true,
    commitment: "crossEntropy",
  },
  "layer normalisation": { codebookDim: 4, layernormAfterProjectIn: true },
  affine: { affineParam: true },
  learnable: { learnableCodebook: true },
  diversity: { codebookDiversityLossWeight: 1, codebookDiversityTemperature: 2 },
  "orthogonal, active codes": { orthogonalRegWeight: 1, orthogonalRegActiveCodesOnly: true },
  "in-place optimizer, codebook per head": {
    heads: 2,
    codebookDim: 3,
    separateCodebookPerHead: true,
    learnableCodebook: true,
    inPlaceCodebookOptimizer: { name: "descent", optimizer: sgd(0.1) },
  },
};

/** Channel-last `x` as the layout has it, and back. */
const arrange = (x: np.Array, layout: string) =>
  layout === "channelLast" ? x : np.moveaxis(x, -1, 1);
const restore = (x: np.Array, layout: string) =>
  layout === "channelLast" ? x : np.moveaxis(x, 1, -1);

/** A training step and its gradients, everything as plain lists of vectors. */
async function train(
  options: Options,
  arrangement: Arrangement | { n: number },
  variables: Variables,
  vectors: np.Array, // [N, D]
  mask?: np.Array, // [N]
): Promise<Tensors> {
  const { layout, shape } =
    typeof arrangement === "object"
      ? ({ layout: "channelLast", shape: [1, arrangement.n, D] } as const)
      : arrangements[arrangement];
  const quantizer = vectorQuantize({ ...base, ...options, layout });
  const x = arrange(vectors.reshape([...shape]), layout);
  const positions = shape.slice(0, -1);
  const given = () => ({ training: true, ...(mask && { mask: mask.ref.reshape(positions) }) });
  const objective = (params: Variables["params"], input: np.Array) => {
    const call = { params, state: tree.ref(variables.state) };
    const out = quantizer.apply(call, input, given());
    const { quantized, loss, ...rest } = out;
    tree.dispose(rest);
    return np.sum(np.square(quantized)).add(loss.mul(3));
  };
  const {
    value,
    byParams: params,
    byX: input,
  } = differentiate(objective, tree.ref(variables.params), x.ref);
  const { quantized, indices, loss, state } = quantizer.apply(tree.ref(variables), x, given());
  const list = (array: np.Array) => restore(array, layout).reshape([-1, D]);
  return toHost({
    quantized: list(quantized),
    indices: indices.reshape([vectors.shape[0] as number, -1]),
    loss,
    ...flattenTree(state as never),
    "gradient of x": list(input),
    value,
    ...(params.projectIn && { "gradient of projectIn": params.projectIn.weight }),
    ...(params.projectOut && { "gradient of projectOut": params.projectOut.weight }),
    ...(params.codebook && { "gradient of codebook": params.codebook }),
  });
}

const N = B * H * W;
const vectors = () => random.normal(random.key(1), [N, D]);
const start = (options: Options) => vectorQuantize({ ...base, ...options }).init(random.key(0));
/** Real vectors: three of every four. */
const isReal = Array.from({ length: N }, (_, n) => n % 4 !== 1);
const real = isReal.flatMap((yes, n) => (yes ? [n] : []));
const rowsOf = (x: np.Array, rows: number[]) => np.take(x, np.array(rows, { dtype: np.int32 }), 0);

describe.each(Object.keys(optionSets))("vectors in any layout: %s", (name) => {
  const options = optionSets[name] as Options;

  it.each(Object.keys(arrangements) as Arrangement[])("%s", async (arrangement) => {
    const variables = start(options);
    const plain = await train(options, { n: N }, variables, vectors());
    const laid = await train(options, arrangement, variables, vectors());
    for (const part of Object.keys(plain))
      expectSame(part, tensor(laid, part), tensor(plain, part));
  });

  it.each(Object.keys(arrangements) as Arrangement[])("%s, with padding", async (arrangement) => {
    const variables = start(options);
    const mask = np.array(isReal.map(Number)).greater(0);
    const masked = await train(options, arrangement, variables, vectors(), mask);
    const plain = await train(options, { n: real.length }, variables, rowsOf(vectors(), real));
    for (const part of Object.keys(plain)) {
      const ours = tensor(masked, part);
      if (ours.shape[0] !== N) {
        expectSame(part, ours, tensor(plain, part));
        continue;
      }
      const width = ours.data.length / N;
      const row = (n: number) => Array.from(ours.data.subarray(n * width, (n + 1) * width));
      const data = new Float32Array(real.flatMap(row));
      expectSame(part, { ...ours, shape: tensor(plain, part).shape, data }, tensor(plain, part));
      const padding = part === "indices" ? -1 : 0;
      const hidden = isReal.flatMap((yes, n) => (yes ? [] : row(n)));
      expect(hidden, `${part} of padding`).toEqual(hidden.map(() => padding));
    }
  });
});

it("differentiates distances by the codebook that gave them, not the one of after the update", async () => {
  const options = { commitment: "crossEntropy" } as const;
  const variables = start(options);
  const moving = await train(options, { n: N }, variables, vectors());
  const frozen = await train({ ...options, freezeCodebook: true }, { n: N }, variables, vectors());
  expect(moving.codebook?.data).not.toEqual(frozen.codebook?.data);
  expectSame("gradient", tensor(moving, "gradient of x"), tensor(frozen, "gradient of x"));
});

it("refuses an input without vectors, which would give a mean of nothing", () => {
  const quantizer = vectorQuantize(base);
  const call = () => quantizer.apply(start({}), np.zeros([2, 0, D]), { training: true });
  expect(call).toThrow("shape of x: expected at least one vector, got [2, 0, 6]");
});

it.each<QuantizerConfig>([
  { type: "fsp", levels: [5, 5, 5] },
  { type: "simVQ", dim: 3, codebookSize: 8 },
  { type: "residualSimVQ", dim: 3, codebookSize: 8, numQuantizers: 2 },
])("has no loss in evaluation: $type", async (config) => {
  const quantizer = quantizerFromConfig(config);
  const lossIn = async (training: boolean) => {
    const x = random.normal(random.key(1), [2, 5, 3]);
    const key = random.key(2);
    const { loss, ...rest } = quantizer.apply(quantizer.init(random.key(0)), x, { training, key });
    tree.dispose(rest as never);
    return np.max(loss).data();
  };
  expect((await lossIn(true))[0]).toBeGreaterThan(0);
  expect((await lossIn(false))[0]).toBe(0);
});

it("updates no code by a vector with index -1", async () => {
  const quantizer = vectorQuantize({ ...base, decay: 0 });
  const indices = np.array(new Int32Array([-1, 3, -1, 3, 3, -1])).reshape([2, 3]);
  const x = random.normal(random.key(1), [2, 3, D]);
  const { clusterSize, ...rest } = await quantizer.update(start({ decay: 0 }), x, indices);
  tree.dispose(rest as never);
  expect([...(await clusterSize.data())]).toEqual([0, 0, 0, 3, 0, 0, 0, 0, 0, 0]);
});

it("compares what was searched in the loss of top-k candidates, with cosine too", async () => {
  const options = { metric: "cosine" } as const;
  const quantizer = vectorQuantize({ ...base, ...options });
  const lossWith = async (topk?: number) => {
    const x = vectors().mul(3);
    const call = { training: true, ...(topk && { topk }) };
    const { loss, ...rest } = quantizer.apply(start(options), x, call);
    tree.dispose(rest);
    return (await np.mean(loss).data())[0];
  };
  expect(await lossWith(1)).toBeCloseTo((await lossWith()) as number, 5);
});
