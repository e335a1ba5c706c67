import "vector-quantize"; // first: it gives jax-js its threads
import { parseArgs } from "node:util";
import { blockUntilReady, grad, jit, lax, numpy as np, random, tree } from "@jax-js/jax";
import {
  conv2d,
  depthToSpace,
  gelu,
  type Layer,
  layerNorm,
  linear,
  maxPool,
  relu,
  spaceToDepth,
  upsample,
} from "vector-quantize/nn";
import { initNode } from "vector-quantize/node";

/**
 * What layers cost on jax-js's WebAssembly, forward and with gradients: the table in
 * docs/training.md.
 *
 *   npm run bench:forms
 */
const { values } = parseArgs({ options: { threads: { type: "string", default: "4" } } });
await initNode({ threads: Number(values.threads) });

type Run = (params: never, x: np.Array) => np.Array;
interface Form {
  name: string;
  shape: number[];
  params: unknown;
  run: Run;
}

const key = () => random.key(0);
const form = (name: string, shape: number[], ...layers: Layer[]): Form => ({
  name,
  shape,
  params: layers.map((layer) => layer.init(key())),
  run: (params, x) => layers.reduce((h, layer, i) => layer.apply(params[i] as never, h), x),
});

/** jax-js's own convolution, channels first. */
const convolution: Form = {
  name: "jax-js's convolution, 16 to 32",
  shape: [256, 16, 14, 14],
  params: random.normal(key(), [32, 16, 3, 3]),
  run: (weight, x) => lax.conv(x, weight, [1, 1], "SAME"),
};

const [large, small] = [
  [256, 14, 14],
  [256, 7, 7],
] as const;
const forms: Form[] = [
  form("linear, 128 to 32", [12544, 128], linear({ inFeatures: 128, outFeatures: 32 })),
  form("linear, 16 to 128", [12544, 16], linear({ inFeatures: 16, outFeatures: 128 })),
  form("conv2d 3 x 3, 16 to 32", [...large, 16], conv2d({ inChannels: 16, outChannels: 32 })),
  convolution,
  form(
    "conv2d 3 x 3 with upsample 2, 32 to 16",
    [...small, 32],
    conv2d({ inChannels: 32, outChannels: 16, upsample: 2 }),
  ),
  form(
    "upsample 2, then conv2d 3 x 3, 32 to 16",
    [...small, 32],
    upsample(),
    conv2d({ inChannels: 32, outChannels: 16 }),
  ),
  form("spaceToDepth 2", [...large, 32], spaceToDepth({ block: 2 })),
  form("depthToSpace 2", [...small, 128], depthToSpace({ block: 2 })),
  form("maxPool 2", [...large, 32], maxPool()),
  form("relu", [...large, 32], relu()),
  form("gelu", [...large, 32], gelu()),
  form("layerNorm", [...large, 32], layerNorm({ features: 32 })),
];

async function median(run: () => unknown): Promise<string> {
  const times: number[] = [];
  for (let i = 0; i < 14; i++) {
    const began = performance.now();
    const result = run() as never;
    await blockUntilReady(result);
    times.push(performance.now() - began);
    tree.dispose(result);
  }
  const sorted = times.slice(3).sort((a, b) => a - b);
  return (sorted[sorted.length >> 1] as number).toFixed(1);
}

console.log("| form | input | forward, ms | with gradients, ms |");
console.log("| --- | --- | --- | --- |");
for (const { name, shape, params, run } of forms) {
  const x = random.normal(key(), shape);
  await blockUntilReady([x, params] as never);
  const given = () => tree.ref([params, x] as never) as unknown as [never, np.Array];
  const forward = jit(run as never) as unknown as Run;
  const squares = ([params, x]: [never, np.Array]) => np.sum(np.square(run(params, x)));
  const backward = jit(grad(squares as never) as never) as unknown as (all: unknown) => unknown;
  const times = [await median(() => forward(...given())), await median(() => backward(given()))];
  console.log(`| ${name} | [${shape.join(", ")}] | ${times.join(" | ")} |`);
}
