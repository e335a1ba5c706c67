/**
 * A codec for one voice: a small `audioAutoencoder` on recordings of one's own, saved as a file that a page can load.
 *
 *   node examples/voice.ts --wav path/to/folder --steps 2000     of 16-bit mono files of 8 kHz; or a made-up voice
 */
import "vector-quantize"; // before jax-js: gives it threads in Node
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { numpy as np, random, tree } from "@jax-js/jax";
import { hostRandom } from "vector-quantize/data";
import { audioAutoencoder, saveModel } from "vector-quantize/nn";
import { adamw, createTrainer, soundLoss, trainLoop } from "vector-quantize/train";

const { values: flags } = parseArgs({
  options: {
    ...{ wav: { type: "string" }, out: { type: "string" } },
    steps: { type: "string", default: "2000" },
  },
});
const [sampleRate, batch, length] = [8000, 4, 3200];
const voice = flags.wav ? readFolder(flags.wav) : madeUp(80_000);
const held = voice.subarray(0, Math.min(8000, voice.length >> 2)); // not trained on

const model = audioAutoencoder({
  ...{ strides: [4, 4, 5], width: 8 }, // 100 positions a second
  ...{ numQuantizers: 4, codebookSize: 256 }, // 3.2 kbit/s
});
const loss = soundLoss({ sampleRate, waveform: 20 });
const trainer = createTrainer(model, { optimizer: adamw(1e-3), loss });
const start = trainer.init(random.key(0));
const { state } = await trainLoop(start, {
  trainer,
  batch: async (step) => {
    const pieces = Array.from({ length: batch }, (_, i) => {
      const room = voice.length - held.length - length;
      const from = held.length + hostRandom(0, step, i).below(room + 1);
      return voice.subarray(from, from + length);
    });
    return np.array(Float32Array.from(pieces.flatMap((piece) => [...piece])), {
      shape: [batch, length, 1],
    });
  },
  ...{ from: 0, to: Number(flags.steps) },
  onReport({ step, values: { mel, waveform } }) {
    if (step % 100 === 0) console.log(`step ${step}: mel ${mel}, samples ${waveform}`);
  },
});

const variables = trainer.averaged(state);
const judged = np.array(held.slice(), { shape: [1, held.length, 1] });
const { mel, output, indices, ...rest } = await trainer.evaluate(
  tree.ref(variables as never),
  judged,
);
tree.dispose([output, rest] as never);
const bits = (8 * indices.size * sampleRate) / held.length; // 256 codes are 8 bits
console.log(`${bits} bits a second: mel distance ${(await mel?.data())?.[0]?.toFixed(3)}`);
indices.dispose();
const bytes = await saveModel(model, variables, { sampleRate });
if (flags.out) writeFileSync(flags.out, bytes);

/** All recordings of a folder, one behind another: the samples follow the word "data". */
function readFolder(folder: string): Float32Array {
  const files = readdirSync(folder).filter((name) => name.endsWith(".wav"));
  const samples = files.flatMap((name) => {
    const file = readFileSync(`${folder}/${name}`);
    const begin = file.indexOf("data") + 8;
    const bytes = file.buffer.slice(file.byteOffset + begin, file.byteOffset + file.length);
    return [...new Int16Array(bytes, 0, bytes.byteLength >> 1)];
  });
  return Float32Array.from(samples, (sample) => sample / 32768);
}

/** Vowels of a pitch that glides, in syllables. */
function madeUp(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => {
    const phase = (2 * Math.PI * 140 * i) / sampleRate + 3 * Math.sin(i / 3000);
    return 0.3 * Math.max(0, Math.sin(i / 1600)) * (Math.sin(phase) + 0.4 * Math.sin(5 * phase));
  });
}
