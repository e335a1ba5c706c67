/** The reference's example autoencoder on our layers, its data, and the loops that train it. */
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { numpy as np, random } from "@jax-js/jax";
import { vectorQuantize } from "vector-quantize";
import { parseIdx } from "vector-quantize/data";
import {
  conv2d,
  depthToSpace,
  gelu,
  linear,
  maxPool,
  sequential,
  spaceToDepth,
} from "vector-quantize/nn";
import { readSafetensors } from "vector-quantize/safetensors";
import { adamw, createMetricReader, createTrainer } from "vector-quantize/train";

export const steps = 1000;
export const batchSize = 256;
const trainingImages = 9000;

/** `SimpleVQAutoEncoder`; each upsampling is done by the convolution that follows it. */
export function buildModel({ codes = 256 } = {}) {
  return sequential([
    conv2d({ inChannels: 1, outChannels: 16 }),
    maxPool(),
    gelu(),
    conv2d({ inChannels: 16, outChannels: 32 }),
    maxPool(),
    vectorQuantize({ dim: 32, codebookSize: codes }),
    conv2d({ inChannels: 32, outChannels: 16, upsample: 2 }),
    gelu(),
    conv2d({ inChannels: 16, outChannels: 1, upsample: 2 }),
  ]);
}

/** As many codes per image from patches of 4 x 4 pixels, by matrix products alone. */
export function buildPatchModel({ codes = 256 } = {}) {
  const map = (inFeatures, outFeatures) => linear({ inFeatures, outFeatures });
  return sequential([
    spaceToDepth({ block: 4 }),
    map(16, 128),
    gelu(),
    map(128, 32),
    vectorQuantize({ dim: 32, codebookSize: codes }),
    map(32, 128),
    gelu(),
    map(128, 16),
    depthToSpace({ block: 4 }),
  ]);
}

export function buildTrainer(model) {
  return createTrainer(model, {
    optimizer: adamw(3e-4),
    loss: "l1",
    quantizerWeight: 10,
    clamp: true,
  });
}

/** The first images of an IDX file as floats in [-1, 1], one after another. */
export async function readImages(path, most = trainingImages) {
  const file = await readFile(path);
  const { shape, data } = parseIdx(path.endsWith(".gz") ? gunzipSync(file) : file, path);
  const [, height, width] = shape;
  const floats = Float32Array.from(data.subarray(0, most * height * width), (v) =>
    Math.fround(Math.fround(Math.fround(v / 255) - 0.5) / 0.5),
  );
  return { height, width, floats };
}

/** Digits of 28 x 28 as images of 32 x 32 in three channels. */
export function coloured({ height, width, floats }) {
  const [high, wide, channels] = [height + 4, width + 4, 3];
  const count = floats.length / (height * width);
  const all = new Float32Array(count * high * wide * channels).fill(-1);
  for (let i = 0; i < floats.length; i++) {
    const [row, column] = [Math.floor(i / width), i % width];
    const image = Math.floor(row / height);
    const at = (image * high + (row % height) + 2) * wide + column + 2;
    all.fill(floats[i], channels * at, channels * (at + 1));
  }
  return { height: high, width: wide, channels, floats: all };
}

/** The images with these numbers as a batch `[B, H, W, C]`. */
export function batchOf({ height, width, channels = 1, floats }, numbers) {
  const size = height * width * channels;
  const batch = new Float32Array(numbers.length * size);
  numbers.forEach((number, i) => {
    batch.set(floats.subarray(number * size, (number + 1) * size), i * size);
  });
  return np.array(batch, { shape: [numbers.length, height, width, channels] });
}

/** Trains on the given batches (lists of image numbers) and returns both losses of each step. */
export async function train(trainer, state, images, batches, onStep = () => {}) {
  const reader = createMetricReader();
  const losses = { reconstruction: [], commitment: [] };
  const keep = (report) => {
    if (!report) return;
    losses.reconstruction.push(report.values.reconstruction);
    losses.commitment.push(report.values.commitment);
    onStep(report);
  };
  for (const numbers of batches) {
    const result = await trainer.trainStep(state, batchOf(images, numbers));
    state = result.state;
    keep(await reader.push(result.metrics));
  }
  keep(await reader.flush());
  return { losses, state };
}

/** A run that `train.py` recorded: initial variables of `model`, batches, losses. */
export async function readRecording(path, model) {
  const { tensors, metadata } = readSafetensors(await readFile(path));
  const initial = (name) => tensors[`initial/fns.${name}`];
  const conv = (layer) => ({
    weight: initial(`${layer}.weight`).transpose([2, 3, 1, 0]), // [out, in, k, k] to [k, k, in, out]
    bias: initial(`${layer}.bias`),
  });
  const codebook = "5._codebook";
  const fresh = model.init(random.key(0));
  const params = {
    encoder: [conv(0), {}, {}, conv(3), {}],
    quantizer: fresh.params.quantizer,
    decoder: [conv(7), {}, conv(10)],
  };
  const state = {
    codebook: initial(`${codebook}.embed`).reshape([256, 32]),
    clusterSize: initial(`${codebook}.cluster_size`).reshape([256]),
    codeSums: initial(`${codebook}.embed_avg`).reshape([256, 32]),
  };
  const numbers = async (name) => [...(await tensors[name].data())];
  const sizes = await numbers("batch/sizes");
  const order = await numbers("batch/images");
  let begin = 0;
  const batches = sizes.map((size) => {
    begin += size;
    return order.slice(begin - size, begin);
  });
  return {
    metadata,
    variables: { params, state },
    batches,
    losses: {
      reconstruction: await numbers("loss/reconstruction"),
      commitment: await numbers("loss/commitment"),
    },
  };
}
