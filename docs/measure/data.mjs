/** What is trained on: pictures of 32 x 32, or frames of speech. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { numpy as np } from "@jax-js/jax";
import { hostRandom, shapeImages, toFloats } from "vector-quantize/data";

const frame = 40; // samples: 5 ms
const frames = 32; // of a window

/** Batches `[B, ...shape]` to train on, and all that is evaluated, from floats in [-1, 1]. */
function dataOf({ shape, train, test }) {
  const size = shape.reduce((product, each) => product * each, 1);
  const pictures = shape.length === 3;
  const array = (floats) => np.array(floats, { shape: [floats.length / size, ...shape] });
  return {
    shape,
    /** Items drawn at random: the same ones at each step of each run with this seed. */
    batch(step, count, seed) {
      const random = hostRandom(seed, step);
      const floats = new Float32Array(count * size);
      for (let i = 0; i < count; i++) floats.set(train(random, size), i * size);
      return array(floats);
    },
    /** Adds up errors: of pictures as PSNR, of recordings as SNR. */
    meter() {
      let [error, power] = [0, 0];
      return {
        add(values, output) {
          for (let i = 0; i < values.length; i++) {
            error += (Math.min(1, Math.max(-1, output[i])) - values[i]) ** 2;
            power += pictures ? 4 : values[i] ** 2;
          }
        },
        decibel: () => 10 * Math.log10(power / error),
      };
    },
    *tests(count) {
      const step = count * size;
      for (let at = 0; at < test.length; at += step) yield array(test.slice(at, at + step));
    },
  };
}

/** Pictures that lie one behind another in `all`. */
function picturesOf(all, test) {
  const train = (random, size) => {
    const at = size * random.below(all.length / size);
    return all.subarray(at, at + size);
  };
  return dataOf({ shape: [32, 32, 3], train, test });
}

const everyPicture = (images) =>
  toFloats(
    images,
    Array.from({ length: images.count }, (_, i) => i),
  );

/** The built-in pictures: 4,000, and 1,000 others to evaluate. */
function shapes() {
  const [train, test] = [
    shapeImages({ count: 4000, seed: 1 }),
    shapeImages({ count: 1000, seed: 2 }),
  ].map(everyPicture);
  return picturesOf(train, test);
}

/** A folder with `train` and `test`, and in them JPEG files of 32 x 32 pixels. */
async function cifar(folder) {
  const { default: sharp } = await import("sharp");
  const read = async (part) => {
    const names = await readdir(join(folder, part), { recursive: true });
    const files = names.filter((name) => name.endsWith(".jpg")).sort();
    const pixels = new Uint8Array(files.length * 32 * 32 * 3);
    for (const [i, name] of files.entries()) {
      const image = sharp(join(folder, part, name))
        .removeAlpha()
        .toColourspace("srgb");
      pixels.set(await image.raw().toBuffer(), i * 32 * 32 * 3);
    }
    return everyPicture({ count: files.length, height: 32, width: 32, channels: 3, pixels });
  };
  return picturesOf(await read("train"), await read("test"));
}

/** A folder of recordings `digit_speaker_take.wav`, 16 bits, mono; takes 0 and 1 are held back. */
async function speech(folder) {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".wav")).sort();
  const held = (name) => /_[01]\.wav$/.test(name);
  const read = async (name) => {
    const bytes = await readFile(join(folder, name));
    const from = bytes.indexOf("data") + 8;
    const samples = new Int16Array(new Uint8Array(bytes.subarray(from)).slice().buffer);
    const floats = Float32Array.from(samples, (v) => v / 32768);
    const peak = floats.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    return floats.map((v) => v / peak); // as loud as one another
  };
  const all = (chosen) => Promise.all(chosen.map(read));
  const joinAll = (parts) => Float32Array.from(parts.flatMap((part) => [...part]));
  const train = joinAll(await all(names.filter((name) => !held(name))));
  const test = joinAll(await all(names.filter(held)));
  const whole = frame * frames;
  return dataOf({
    shape: [frames, frame],
    train: (random, size) => {
      const at = random.below(train.length - size);
      return train.subarray(at, at + size);
    },
    test: test.subarray(0, test.length - (test.length % whole)),
  });
}

const kinds = { shapes, cifar, speech };
/** The data of this kind; all but `shapes` from a folder. */
export async function openData(kind, folder) {
  if (!kinds[kind]) throw new Error(`--data: expected one of ${Object.keys(kinds)}, got ${kind}`);
  if (kind !== "shapes" && !folder) throw new Error(`--folder: expected one for ${kind}, got none`);
  return kinds[kind](folder);
}
