/** Layers on WebGPU (in software) beside Wasm: outputs, gradients, and the states after training. */
import { expect } from "vitest";
import type { LayerConfig } from "../../packages/vector-quantize/src/nn/layer.ts";
import { browserTest, withPage } from "./withPage.ts";

const channels = { inChannels: 4, outChannels: 6 };
const layers: [LayerConfig, shape: number[]][] = [
  [{ type: "conv1d", ...channels, groups: 2, stride: 2, padding: "causal" }, [2, 9, 4]],
  [{ type: "conv2d", ...channels, kernelSize: [4, 2], stride: 2, padding: 1 }, [2, 7, 6, 4]],
  [{ type: "convTranspose1d", ...channels, kernelSize: 4, stride: 2 }, [2, 5, 4]],
  [{ type: "convTranspose2d", ...channels, groups: 2, stride: 2, dilation: 2 }, [2, 4, 3, 4]],
  [{ type: "avgPool", window: 3, stride: 2 }, [2, 7, 8, 4]],
  [{ type: "maxPool", window: 3, stride: 2 }, [2, 7, 8, 4]],
  [{ type: "batchNorm", channels: 4 }, [2, 5, 4]],
  [{ type: "groupNorm", groups: 2, channels: 4 }, [2, 5, 4]],
  [{ type: "dropout" }, [4, 9]],
  [{ type: "elu" }, [4, 9]],
  [{ type: "leakyRelu" }, [4, 9]],
  [{ type: "sigmoid" }, [4, 9]],
  [{ type: "snake", channels: 4 }, [2, 5, 4]],
];

/** Of the largest entry. WGSL asks of `sin` no more than an error of 2^-11. */
const toleranceOf = (type: string) => (type === "snake" ? 1e-3 : 1e-4);

/** What is run in the page: the numbers of every layer, by its type. */
const script = (device: string) => `
  const jax = await import("@jax-js/jax");
  const { layerFromConfig } = await import("vector-quantize/nn");
  const { numpy: np, random, tree } = jax;
  await jax.init("${device}");
  jax.defaultDevice("${device}");
  const waves = (shape, seed) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return np.array(Float32Array.from({ length: size }, (_, i) => Math.sin(seed + i * i)), { shape });
  };
  const found = {};
  for (const [config, shape] of ${JSON.stringify(layers)}) {
    const layer = layerFromConfig(config);
    const fresh = layer.init(random.key(0));
    const params = Object.fromEntries(Object.entries(fresh).map(([name, { shape }]) => [name, waves(shape, 1)]));
    const state = layer.initState?.() ?? {};
    const run = (params, x, { state, key }) =>
      layer.train ? layer.train(params, x, { state, key }) : (key.dispose(), [layer.apply(params, x), {}]);
    // Uneven weights: the sum of squares alone does not move behind a normalisation.
    const objective = (params, x, given) => {
      const [y, after] = run(params, x, given);
      tree.dispose(after);
      const weights = waves(y.shape, 4);
      return np.sum(np.square(y.add(0.5)).mul(weights));
    };
    const given = () => [tree.ref(params), waves(shape, 2), { state: tree.ref(state), key: random.key(3) }];
    const values = [jax.jit(run)(...given()), jax.jit(jax.grad(objective, { argnums: [0, 1] }))(...given())];
    const leaves = tree.leaves(values);
    found[config.type] = await Promise.all(leaves.map(async (leaf) => [...(await leaf.data())]));
  }
  return found;
`;

browserTest(
  "layers are on WebGPU what they are on Wasm",
  async () => {
    type Numbers = Record<string, number[][]>;
    const on = (device: "wasm" | "webgpu") =>
      withPage({ isolated: true, webgpu: device === "webgpu" }, ({ run }) =>
        run<Numbers>(script(device)),
      );
    const [wasm, webgpu] = [await on("wasm"), await on("webgpu")];
    expect(Object.keys(wasm)).toEqual(layers.map(([{ type }]) => type));
    for (const [type, leaves] of Object.entries(wasm)) {
      for (const [leaf, values] of leaves.entries()) {
        const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const others = webgpu[type]![leaf]!;
        const worst = values.reduce(
          (gap, value, at) => Math.max(gap, Math.abs(value - others[at]!)),
          0,
        );
        expect(worst, `${type}, leaf ${leaf}`).toBeLessThanOrEqual(toleranceOf(type) * scale);
      }
    }
  },
  120_000,
);
