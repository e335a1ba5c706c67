/**
 * The reference's `autoencoder_sim_vq.py`: codes that a network makes of random ones, by `simVQ`.
 *
 *   node examples/autoencoder-simvq.ts --images t10k-images-idx3-ubyte.gz     or the built-in pictures, without
 *
 * Measured (2026-11-28; `--steps 300 --batch 64`, the MNIST test file): reconstruction 0.263 (the original 0.263),
 * 70 % (73 %) of the codes in use, 34 ms (25 ms) a step.
 */
import "vector-quantize"; // before jax-js: gives it threads in Node
import { numpy as np, random } from "@jax-js/jax";
import { type CodeTransform, simVQ } from "vector-quantize";
import { conv2d, gelu, type LinearParams, linear, maxPool, sequential } from "vector-quantize/nn";
import { trainOnDigits } from "./digits.ts";

const first = linear({ inFeatures: 32, outFeatures: 128 });
const second = linear({ inFeatures: 128, outFeatures: 32 });
const codebookTransform: CodeTransform = {
  name: "twoLayers",
  init(key) {
    const [a, b] = [...random.split(key)] as [np.Array, np.Array];
    return [first.init(a), second.init(b)];
  },
  apply(params, codes) {
    const [a, b] = params as [LinearParams, LinearParams];
    return second.apply(b, np.maximum(first.apply(a, codes), 0));
  },
};

const model = sequential([
  conv2d({ inChannels: 1, outChannels: 16 }),
  maxPool(),
  gelu(),
  conv2d({ inChannels: 16, outChannels: 32 }),
  maxPool(),
  simVQ({ dim: 32, codebookSize: 256, codebookTransform }),
  conv2d({ inChannels: 32, outChannels: 16, upsample: 2 }),
  gelu(),
  conv2d({ inChannels: 16, outChannels: 1, upsample: 2 }),
]);

await trainOnDigits(model, { codes: 256 });
