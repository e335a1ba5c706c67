/**
 * Networks forward on typed arrays: the library's layers against ONNX Runtime Web on the same weights, in
 * pairs in one process, on one thread.
 *
 *   npm run build && npm i --no-save onnxruntime-web && python bench/forward.py --out nets
 *   node bench/forward.mjs --nets nets --threads 2
 */
import "vector-quantize"; // first: it gives jax-js its threads
import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { random } from "@jax-js/jax";
import { conv2d, gelu, maxPool, relu, residual } from "vector-quantize/nn";
import { initNode } from "vector-quantize/node";
import { readSafetensors } from "vector-quantize/safetensors";
import { layerRunner } from "../packages/vector-quantize/dist/nn/runLayers.js";

const { values } = parseArgs({
  options: {
    nets: { type: "string" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "9" },
    ort: { type: "string", default: "onnxruntime-web" },
  },
});
if (values.nets === undefined)
  throw new Error("--nets: expected the folder of forward.py, got none");
const threads = Number(values.threads);
await initNode({ threads });
const ort = await import(values.ort);
ort.env.wasm.numThreads = threads;

const conv = (inChannels, outChannels, upsample = 1) =>
  conv2d({ inChannels, outChannels, upsample });
const networks = {
  autoencoder: {
    shape: [256, 28, 28, 1],
    layers: [
      ...[conv(1, 16), maxPool(), gelu(), conv(16, 32), maxPool()],
      ...[conv(32, 16, 2), gelu(), conv(16, 1, 2)],
    ],
  },
  residual: {
    shape: [64, 16, 16, 64],
    layers: Array.from({ length: 4 }, () => residual([relu(), conv(64, 64), relu(), conv(64, 64)])),
  },
};

/** The layers' parameters from the tensors, whose names count the convolutions. */
function paramsOf(layers, tensors, counter = { at: 0 }) {
  return layers.map(({ config }) => {
    if (config.type === "residual") {
      return {
        layers: paramsOf(
          config.layers.map((config) => ({ config })),
          tensors,
          counter,
        ),
      };
    }
    if (config.type !== "conv2d") return {};
    const at = counter.at++;
    return { weight: tensors[`${at}.weight`], bias: tensors[`${at}.bias`] };
  });
}

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const refs = (tree) =>
  Array.isArray(tree)
    ? tree.map(refs)
    : Object.fromEntries(
        Object.entries(tree).map(([name, x]) => [
          name,
          Array.isArray(x) ? refs(x) : (x.ref ?? refs(x)),
        ]),
      );
console.log(
  `${cpus()[0].model}, Node ${process.versions.node}, ONNX Runtime Web ${ort.env.versions.web}, ${threads} threads`,
);
for (const [name, { shape, layers }] of Object.entries(networks)) {
  const { tensors } = readSafetensors(await readFile(`${values.nets}/${name}.safetensors`));
  const params = paramsOf(layers, tensors);
  const x = random.normal(random.key(0), shape);
  const numbers = await x.ref.data();
  const run = layerRunner(layers);
  const ours = async () => (await run(refs(params), x.ref)).data();
  const session = await ort.InferenceSession.create(await readFile(`${values.nets}/${name}.onnx`));
  const [B, H, W, C] = shape;
  const first = new Float32Array(numbers.length); // channels first
  for (let b = 0; b < B; b++)
    for (let p = 0; p < H * W; p++)
      for (let c = 0; c < C; c++) first[(b * C + c) * H * W + p] = numbers[(b * H * W + p) * C + c];
  const feed = { x: new ort.Tensor("float32", first, [B, C, H, W]) };
  const theirs = async () => Object.values(await session.run(feed))[0];
  const [a, b] = [await ours(), await theirs()];
  const [, D, h, w] = b.dims;
  let worst = 0;
  for (let i = 0; i < B; i++)
    for (let p = 0; p < h * w; p++)
      for (let d = 0; d < D; d++) {
        const off = Math.abs(a[(i * h * w + p) * D + d] - b.data[(i * D + d) * h * w + p]);
        worst = Math.max(worst, off);
      }
  const rounds = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const times = {};
    for (const [side, call] of Object.entries({ ours, theirs })) {
      const began = performance.now();
      for (let i = 0; i < 3; i++) await call();
      times[side] = (performance.now() - began) / 3;
    }
    rounds.push(times);
  }
  const of = (side) => median(rounds.map((times) => times[side])).toFixed(1);
  const ratio = median(rounds.map(({ ours, theirs }) => theirs / ours)).toFixed(2);
  console.log(
    `${name} [${shape}]: ours ${of("ours")} ms, ONNX Runtime Web ${of("theirs")} ms, ` +
      `theirs / ours ${ratio}, largest difference ${worst.toExponential(1)}`,
  );
}
process.exit(0);
