/** Small networks that tell sounds from reconstructions, in groups, and the losses between both sides. */
import { lax, numpy as np, random } from "@jax-js/jax";
import { conv1d, conv2d, leakyRelu } from "vector-quantize/nn";

/** Layers with a leaky ReLU after each but the last. */
function network(layers) {
  const activation = leakyRelu({ slope: 0.1 });
  return {
    /** Without bias at first, so that what is quiet isn't alike. */
    init: (key) =>
      [...random.split(key, layers.length)].map((own, i) => {
        const { weight, bias } = layers[i].init(own);
        return { weight, bias: bias.mul(0) };
      }),
    /** What every layer makes of `x`: logits last. */
    apply(params, x) {
      const made = [];
      for (const [i, layer] of layers.entries()) {
        const y = layer.apply(params[i], i === 0 ? x : made[i - 1].ref);
        made.push(i < layers.length - 1 ? activation.apply({}, y) : y);
      }
      return made;
    },
  };
}

/** Real and imaginary parts `[B, frames, bins, 2]` of series `[B, T, 1]`, of frames a quarter apart. */
function transformed(x, size) {
  const [batch, length] = x.shape;
  const [hop, bins] = [size / 4, size / 2];
  const frames = Math.floor(length / hop) - 3;
  const hops = frames + 3;
  const cut = x
    .reshape([batch, length])
    .slice([], [0, hops * hop])
    .reshape([batch, hops, hop]);
  const parts = [0, 1, 2, 3].map((at) => cut.ref.slice([], [at, at + frames], []));
  cut.dispose();
  const both = np.matmul(np.concatenate(parts, -1), fourier(size, bins)); // [B, frames, 2 bins]
  return np.stack([both.ref.slice([], [], [0, bins]), both.slice([], [], [bins, 2 * bins])], -1);
}

/** `[size, 2 bins]` under Hann's window, scaled so that noise keeps its size. */
function fourier(size, bins) {
  const matrix = new Float32Array(size * 2 * bins);
  for (let i = 0; i < size; i++) {
    const weight = (1 - Math.cos((2 * Math.PI * i) / size)) / Math.sqrt(size);
    for (let k = 0; k < bins; k++) {
      const angle = (2 * Math.PI * ((i * k) % size)) / size;
      matrix[i * 2 * bins + k] = weight * Math.cos(angle);
      matrix[i * 2 * bins + bins + k] = -weight * Math.sin(angle);
    }
  }
  return np.array(matrix, { shape: [size, 2 * bins] });
}

/**
 * Défossez et al. 2022, arXiv 2210.13438, section 3.4: complex spectra at several scales, convolved along time and
 * frequency, which gets coarser.
 */
function byTransform(size, width) {
  const conv = (inChannels, outChannels, kernelSize, stride = 1) =>
    conv2d({ inChannels, outChannels, kernelSize, stride });
  const layers = network([
    conv(2, width, [3, 7], [1, 2]),
    conv(width, width, [3, 5], [1, 2]),
    conv(width, width, [3, 5], [1, 2]),
    conv(width, width, 3),
    conv(width, 1, 3),
  ]);
  return { ...layers, apply: (params, x) => layers.apply(params, transformed(x, size)) };
}

/**
 * Kong et al. 2020, arXiv 2010.05646, section 2.3: every `period`-th sample makes a series of its own, all
 * convolved alike.
 */
function byPeriod(period, width) {
  const conv = (inChannels, outChannels, stride = 3) =>
    conv1d({ inChannels, outChannels, kernelSize: 5, stride });
  const layers = network([
    conv(1, width),
    conv(width, 2 * width),
    conv(2 * width, 4 * width),
    conv(4 * width, 4 * width, 1),
    conv(4 * width, 1, 1),
  ]);
  const columns = (x) => {
    const [batch, length] = x.shape;
    const rows = Math.floor(length / period);
    return x
      .slice([], [0, rows * period], [])
      .reshape([batch, rows, period])
      .transpose([0, 2, 1])
      .reshape([batch * period, rows, 1]);
  };
  return { ...layers, apply: (params, x) => layers.apply(params, columns(x)) };
}

export const discriminators = {
  spectra: [512, 128].map((size) => byTransform(size, 8)),
  periods: [2, 3, 5, 7, 11].map((period) => byPeriod(period, 16)),
};

const sum = (terms) => terms.reduce((a, b) => a.add(b));
const mean = (x) => (x.ndim === 0 ? x : mean(np.mean(x, -1))); // axis by axis: digits stay
const meanOf = (terms) => sum(terms).div(terms.length);

/** What they are trained by (Mao et al. 2016, arXiv 1611.04076): 1 for sounds, 0 for reconstructions. */
export function tellingLoss(group, params, { sound, made }) {
  const errors = group.map(({ apply }, i) => {
    const logits = (x) => last(apply(refs(params[i]), x));
    return mean(np.square(logits(sound.ref).sub(1))).add(mean(np.square(logits(made.ref))));
  });
  return meanOf(errors);
}

/** What a reconstruction is pulled by: its logits, and how far all layers are from those of the sound. */
export function pull(group, params, { sound, made }) {
  const [adversarial, features] = [[], []];
  for (const [i, { apply }] of group.entries()) {
    const real = apply(refs(params[i]), sound.ref).map((each) => lax.stopGradient(each));
    const fake = apply(refs(params[i]), made.ref);
    adversarial.push(mean(np.square(fake.at(-1).ref.sub(1))));
    for (const [at, own] of fake.slice(0, -1).entries()) {
      const far = mean(np.abs(real[at].ref.sub(own)));
      features.push(far.div(mean(np.abs(real[at].ref)).add(1e-6)));
    }
  }
  return { adversarial: meanOf(adversarial), features: meanOf(features) };
}

const last = (made) => made.at(-1);
const refs = (params) =>
  params.map((layer) =>
    Object.fromEntries(Object.entries(layer).map(([name, x]) => [name, x.ref])),
  );
