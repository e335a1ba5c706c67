/**
 * Sound to codes and back, in pairs, on one thread: Descript's codec in its published size with random
 * weights here, in ONNX Runtime Web and, with `--python`, in PyTorch; then the default `audioAutoencoder`
 * whole and as it comes in. What counts is the real-time factor: time divided by the sound's length.
 *
 *   npm run build && python bench/sound.py --out dac
 *   node bench/sound.mjs --dac dac --python python --rounds 5
 */
import "vector-quantize"; // first: it gives jax-js its threads
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { numpy as np, random, tree } from "@jax-js/jax";
import * as ort from "onnxruntime-web";
import { audioAutoencoder, createSoundStreams } from "vector-quantize/nn";
import { initNode } from "vector-quantize/node";
import { readSafetensors } from "vector-quantize/safetensors";
import { modelFromPretrained } from "vector-quantize/torch";

const { values } = parseArgs({
  options: {
    dac: { type: "string" },
    python: { type: "string" },
    rounds: { type: "string", default: "5" },
    threads: { type: "string", default: "1" },
  },
});
const [rounds, threads] = [Number(values.rounds), Number(values.threads)];
await initNode({ threads });
ort.env.wasm.numThreads = threads;

const SAMPLES = 22528;
const FRAMES = SAMPLES / 512;
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

async function timeOf(run) {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

/** PyTorch in a process of its own, which runs what it is told and says how long it took. */
async function torchSide(file) {
  const args = ["bench/sound.py", "--serve", file, "--threads", String(threads)];
  const child = spawn(values.python, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value: ready } = await lines.next();
  return {
    version: ready.split(" ")[1],
    async time(what) {
      child.stdin.write(`${what}\n`);
      return Number((await lines.next()).value);
    },
    end: () => child.stdin.end(),
  };
}

async function dacSides(folder) {
  const { tensors } = readSafetensors(await readFile(`${folder}/model.safetensors`));
  const { model, variables } = modelFromPretrained("dac", tensors);
  const { Worker } = globalThis;
  const [encode, decode] = [
    await ort.InferenceSession.create(`${folder}/encode.onnx`),
    await ort.InferenceSession.create(`${folder}/decode.onnx`),
  ];
  globalThis.Worker = Worker; // jax-js's, which creating a session takes away
  const sound = await random.uniform(random.key(1), [SAMPLES], { minval: -1, maxval: 1 }).data();
  const codes = new Int32Array(FRAMES * 9);
  const own = () => tree.ref(variables);
  const runs = {
    encode: {
      ours: async () =>
        await (await model.encode(own(), np.array(sound, { shape: [1, SAMPLES, 1] }))).data(),
      onnx: async () => {
        const { y } = await encode.run({ x: new ort.Tensor("float32", sound, [1, 1, SAMPLES]) });
        return y.data;
      },
    },
    decode: {
      ours: async () => {
        const given = np.array(codes, { shape: [1, FRAMES, 9], dtype: np.int32 });
        return await (await model.decode(own(), given)).data();
      },
      onnx: async () => {
        const long = BigInt64Array.from(codes, BigInt);
        const { y } = await decode.run({ x: new ort.Tensor("int64", long, [1, 9, FRAMES]) });
        return y.data;
      },
    },
  };
  return runs;
}

/** Throws if both say something else. */
async function checkSame({ encode, decode }) {
  const [ours, theirs] = [await encode.ours(), await encode.onnx()];
  let other = 0;
  for (let frame = 0; frame < FRAMES; frame++) {
    for (let layer = 0; layer < 9; layer++) {
      if (ours[9 * frame + layer] !== Number(theirs[FRAMES * layer + frame])) other++;
    }
  }
  const [a, b] = [await decode.ours(), await decode.onnx()];
  const off = b.reduce((most, value, i) => Math.max(most, Math.abs(value - a[i])), 0);
  console.log(
    `codes that differ: ${other} of ${ours.length}; samples within ${off.toExponential(1)}\n`,
  );
  if (other > ours.length / 50 || off > 1e-4) throw new Error("other codes or samples");
}

console.log(`${cpus()[0].model}, Node ${process.version}, onnxruntime-web ${ort.env.versions.web}`);
if (values.dac) {
  const sides = await dacSides(values.dac);
  await checkSame(sides);
  const torch = values.python && (await torchSide(`${values.dac}/model.safetensors`));
  const names = ["ours", "onnx", ...(torch ? ["torch"] : [])];
  if (torch) for (const what of Object.keys(sides)) await torch.time(what); // warm
  const length = (1000 * SAMPLES) / 44100;
  console.log(
    `DAC, 44.1 kHz, ${SAMPLES} samples, ${threads} thread(s), real-time factor, median of ${rounds}`,
  );
  console.log(torch ? `PyTorch ${torch.version}\n` : "");
  console.log(
    `| | here | ONNX Runtime Web |${torch ? " PyTorch |" : ""} ORT / here |${torch ? " PyTorch / here |" : ""}`,
  );
  console.log(`| --- | --- | --- | --- |${torch ? " --- | --- |" : ""}`);
  for (const [what, runs] of Object.entries(sides)) {
    const times = Object.fromEntries(names.map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const name of names) {
        times[name].push(name === "torch" ? await torch.time(what) : await timeOf(runs[name]));
      }
    }
    const factors = names.map((name) => (median(times[name]) / length).toFixed(2));
    const ratios = names
      .slice(1)
      .map((name) => median(times[name].map((time, i) => time / times.ours[i])).toFixed(2));
    console.log(`| ${[what, ...factors, ...ratios].join(" | ")} |`);
  }
  if (torch) torch.end();
}

const RATE = 8000;
const model = audioAutoencoder();
const variables = model.init(random.key(0));
const sound = await random.uniform(random.key(1), [2 * RATE], { minval: -1, maxval: 1 }).data();
const indices = await model.encode(
  tree.ref(variables),
  np.array(sound, { shape: [1, 2 * RATE, 1] }),
);
const streams = await createSoundStreams(model, tree.ref(variables));

async function drain(stream) {
  const all = [];
  for await (const piece of stream) all.push(piece);
  return all;
}
const piecesOf = (length) =>
  new ReadableStream({
    start(controller) {
      for (let at = 0; at < sound.length; at += length) {
        controller.enqueue(sound.subarray(at, at + length));
      }
      controller.close();
    },
  });
const hops = await drain(piecesOf(160).pipeThrough(streams.encoder()));
const own = {
  "encode, whole": async () =>
    (await model.encode(tree.ref(variables), np.array(sound, { shape: [1, 2 * RATE, 1] }))).data(),
  "encode, hop by hop": () => drain(piecesOf(160).pipeThrough(streams.encoder())),
  "decode, whole": async () => (await model.decode(tree.ref(variables), indices.ref)).data(),
  "decode, hop by hop": () => drain(ReadableStream.from(hops).pipeThrough(streams.decoder())),
};
console.log(
  `\naudioAutoencoder(), 8 kHz, 2 s, ${threads} thread(s), real-time factor, median of ${rounds}\n`,
);
console.log("| | here |\n| --- | --- |");
for (const [what, run] of Object.entries(own)) {
  await run();
  const times = [];
  for (let round = 0; round < rounds; round++) times.push(await timeOf(run));
  console.log(`| ${what} | ${(median(times) / 2000).toFixed(4)} |`);
}
process.exit();
