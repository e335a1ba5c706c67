/** One training of a small model around a quantizer, and what came of it. */
import { numpy as np, random, tree } from "@jax-js/jax";
import { codeCounts, codeEntropy, usedCodes } from "vector-quantize";
import {
  conv1d,
  imageAutoencoder,
  layerNorm,
  linear,
  relu,
  residual,
  sequential,
} from "vector-quantize/nn";
import { adamw, cosineSchedule, createTrainer, trainLoop } from "vector-quantize/train";

export const batchSize = 16;
const width = 32;
const between = 20; // steps of a point on a curve

/** An autoencoder of frames `[B, T, frame]`: what `imageAutoencoder` is, along one axis. */
function frameAutoencoder(frame, quantizer) {
  const map = (inFeatures, outFeatures) => linear({ inFeatures, outFeatures });
  const conv = () => conv1d({ inChannels: width, outChannels: width });
  const block = () => residual([relu(), conv(), relu(), map(width, width)]);
  return sequential([
    map(frame, width),
    block(),
    layerNorm({ features: width }),
    map(width, quantizer.dim),
    quantizer,
    map(quantizer.dim, width),
    block(),
    map(width, frame),
  ]);
}

const times = (factor) => ({
  config: { type: "times", factor },
  init(key) {
    key.dispose();
    return {};
  },
  apply: (_, x) => x.mul(factor),
});

/** The model for data of this shape: one code for 4 x 4 pixels, or for a frame. */
export function modelFor([first, second, channels], { make, plain, scale }) {
  const quantizer = make();
  const model =
    channels === undefined
      ? frameAutoencoder(second, quantizer)
      : imageAutoencoder({ patch: first / 8, width, codeDim: quantizer.dim, quantizer });
  if (!plain && !scale) return model;
  const { encoder, decoder } = model.layers;
  const kept = encoder.filter(({ config }) => !plain || config.type !== "layerNorm");
  return sequential([...kept, ...(scale ? [times(scale)] : []), quantizer, ...decoder]);
}

/**
 * Trains, and evaluates all that is held back.
 *
 * @returns `quality` (PSNR of pictures, SNR of speech, in dB), `used` and `perplexity` of the codes as
 *   shares of their number, the spread of the vectors, the median of a step's time, and the curves of the
 *   training
 */
export async function trained(data, row, { steps, seed }) {
  const model = modelFor(data.shape, row);
  const trainer = createTrainer(model, { optimizer: adamw(cosineSchedule(4e-3, steps)) });
  let variables = model.init(random.key(seed));
  if (row.fit !== false) {
    variables = await model.fit(variables, data.batch(0, 24 * batchSize, seed));
  }
  const curves = { psnr: [], loss: [] };
  const sums = { psnr: 0, loss: 0 };
  const times = []; // of the ends of steps
  const { state } = await trainLoop(trainer.start(variables, random.key(seed + 1)), {
    trainer,
    from: 0,
    to: steps,
    batch: (step) => data.batch(step + 1, batchSize, seed),
    afterStep: () => void times.push(performance.now()),
    onReport({ step, values }) {
      sums.psnr += values.psnr;
      sums.loss += values.commitment ?? values.loss - values.reconstruction;
      if (step % between !== 0) return;
      for (const name of Object.keys(sums)) {
        curves[name].push(round(sums[name] / between));
        sums[name] = 0;
      }
    },
  });
  const found = await evaluated(data, model, trainer.averaged(state), row.byLayers ?? 0);
  const steady = times.slice(20).map((time, i) => time - times[i + 19]);
  return { ...found, milliseconds: round(median(steady)), curves };
}

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const round = (x) => Number(x.toPrecision(4));

/** Quality and use of the codes over all that is held back. */
async function evaluated(data, model, variables, layers) {
  const { codebookSizes: sizes } = model.quantizer;
  const indices = [];
  const whole = data.meter();
  const first = Array.from({ length: layers }, () => data.meter());
  let squares = 0;
  for (const x of data.tests(200)) {
    const values = await x.ref.data();
    const latents = model.encoder(tree.ref(variables.params.encoder), x.ref);
    squares = Number(await np.mean(np.square(latents)).data());
    const found = await model.encode(tree.ref(variables), x);
    const { shape } = found;
    const codes = await found.data();
    indices.push(...joined(codes, sizes));
    const output = async (kept) => {
      const given = codes.map((code, i) => (i % sizes.length < kept ? code : -1));
      const decoded = await model.decode(tree.ref(variables), np.array(given, { shape }));
      return decoded.data();
    };
    whole.add(values, await output(sizes.length));
    for (const [at, meter] of first.entries()) meter.add(values, await output(at + 1));
  }
  tree.dispose(variables);
  const count = sizes.reduce((product, size) => product * size, 1);
  const counts = codeCounts(indices, count);
  return {
    quality: round(whole.decibel()),
    used: round(usedCodes(counts) / count),
    perplexity: round(2 ** codeEntropy(counts) / count),
    spread: round(Math.sqrt(squares)),
    ...(layers > 0 && { byLayers: first.map((meter) => round(meter.decibel())) }),
  };
}

/** Indices of several codebooks as one number each. */
function joined(indices, sizes) {
  if (sizes.length === 1) return indices;
  return Array.from({ length: indices.length / sizes.length }, (_, i) =>
    sizes.reduce((sum, size, q) => sum * size + indices[i * sizes.length + q], 0),
  );
}
