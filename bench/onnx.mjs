/**
 * `encode` of quantizers: the files of `toOnnx` in ONNX Runtime Web, beside the library's kernels, in turns.
 * Both have one thread.
 *
 *   npm run build && node bench/onnx.mjs --vectors 10000 --rounds 21
 */
import "vector-quantize"; // first: it gives jax-js its threads
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { numpy as np, random, tree } from "@jax-js/jax";
import * as ort from "onnxruntime-web";
import { fsq, residualVQ, vectorQuantize } from "vector-quantize";
import { initNode } from "vector-quantize/node";
import { toOnnx } from "vector-quantize-onnx";

const { values } = parseArgs({
  options: {
    vectors: { type: "string", default: "10000" },
    rounds: { type: "string", default: "21" },
  },
});
const [vectors, rounds] = [Number(values.vectors), Number(values.rounds)];
await initNode({ threads: 1 });
ort.env.wasm.numThreads = 1;

const quantizers = {
  "vectorQuantize, 1024 codes": vectorQuantize({ dim: 32, codebookSize: 1024 }),
  "residualVQ, 2 x 512 codes": residualVQ({ dim: 32, codebookSize: 512, numQuantizers: 2 }),
  "fsq, 8 x 5 x 5 x 5 levels of 32 features": fsq({ levels: [8, 5, 5, 5], dim: 32 }),
};

/** Both sides on the same vectors. */
async function sidesOf(quantizer) {
  const variables = quantizer.init(random.key(0));
  const { encode } = await toOnnx(quantizer, tree.ref(variables));
  const { Worker } = globalThis;
  const session = await ort.InferenceSession.create(encode);
  globalThis.Worker = Worker; // jax-js's, which creating a session takes away
  const data = await random.normal(random.key(1), [vectors, quantizer.dim]).data();
  const shape = [vectors, quantizer.dim];
  return {
    async ours() {
      const x = np.array(data, { shape });
      return await (await quantizer.encode(tree.ref(variables), x)).data();
    },
    async onnx() {
      const x = new ort.Tensor("float32", data, shape);
      return (await session.run({ x })).indices.data;
    },
  };
}

async function timeOf(run) {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

console.log(`${cpus()[0].model}, Node ${process.version}, onnxruntime-web ${ort.env.versions.web}`);
console.log(`${vectors} vectors of 32 features, 1 thread, ms, median of ${rounds}\n`);
console.log("| encode | here | ONNX Runtime Web | times |\n| --- | --- | --- | --- |");
for (const [name, quantizer] of Object.entries(quantizers)) {
  const sides = await sidesOf(quantizer);
  const [own, theirs] = [await sides.ours(), await sides.onnx()];
  if (String(own) !== String(theirs)) throw new Error(`${name}: other indices`);
  const times = { ours: [], onnx: [] };
  for (let round = 0; round < rounds; round++) {
    for (const side of ["ours", "onnx"]) times[side].push(await timeOf(sides[side]));
  }
  const [ours, onnx] = [median(times.ours), median(times.onnx)];
  console.log(
    `| ${name} | ${ours.toFixed(1)} | ${onnx.toFixed(1)} | ${(onnx / ours).toFixed(1)} |`,
  );
}
process.exit();
