/**
 * A quantizer that was trained with PyTorch, in Node: its options and its `state_dict`.
 *
 *   import json; from safetensors.torch import save_file            # in Python
 *   save_file(vq.state_dict(), "vq.safetensors")
 *   json.dump({"dim": 64, "codebook_size": 512}, open("vq.json", "w"))
 *
 *   node examples/from-pytorch.ts --class VectorQuantize --options vq.json --weights vq.safetensors
 *
 * Without files it makes both of a quantizer of ours: as `toTorch` writes them for PyTorch.
 *
 * Measured (2026-11-28): 4,096 vectors of 64 features get their codes of 512 at 32 thousand a second on two busy
 * cores.
 */
import "vector-quantize"; // before jax-js: gives it threads in Node
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { random, tree } from "@jax-js/jax";
import { vectorQuantize } from "vector-quantize";
import { readSafetensors, saveSafetensors } from "vector-quantize/safetensors";
import { fromTorch, toTorch } from "vector-quantize/torch";

const { values: flags } = parseArgs({
  options: {
    class: { type: "string", default: "VectorQuantize" },
    options: { type: "string" },
    weights: { type: "string" },
  },
});
const { kwargs, bytes } =
  flags.options && flags.weights
    ? {
        kwargs: JSON.parse(readFileSync(flags.options, "utf8")),
        bytes: readFileSync(flags.weights),
      }
    : await ours();

const { tensors } = readSafetensors(bytes); // the names and shapes of the state_dict
const { quantizer, variables } = fromTorch(flags.class, kwargs, tensors);
console.log(JSON.stringify(quantizer.config));

const x = random.normal(random.key(1), [4096, quantizer.dim]);
await quantizer.encode(tree.ref(variables), x.ref).then((codes) => codes.dispose()); // compiled now
const begin = performance.now();
const codes = await quantizer.encode(tree.ref(variables), x);
const rate = 4096 / (performance.now() - begin);
const first = (await codes.ref.data()).slice(0, 8);
const decoded = quantizer.decode(variables, codes);
console.log(`codes ${first.join(" ")} ..., ${rate.toFixed(0)} thousand a second`);
console.log(`decoded to ${decoded.shape.join(" x ")}`);
decoded.dispose();

/** What a Python program would have saved. */
async function ours() {
  const quantizer = vectorQuantize({ dim: 64, codebookSize: 512, metric: "cosine" });
  const { kwargs, tensors } = toTorch(quantizer, quantizer.init(random.key(0)));
  return { kwargs, bytes: await saveSafetensors(tensors) };
}
