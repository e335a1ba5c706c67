/** What the autoencoders have in common: the digits, the loop that trains, the report. */
import "vector-quantize"; // before jax-js: gives it threads in Node
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { numpy as np, random } from "@jax-js/jax";
import {
  type Images,
  imagesFromArray,
  parseIdx,
  shapeImages,
  shuffledBatches,
  toFloats,
} from "vector-quantize/data";
import type { Model } from "vector-quantize/nn";
import { adamw, createTrainer, type TrainerOptions, trainLoop } from "vector-quantize/train";

interface Options extends Partial<TrainerOptions> {
  /** Number of codes. */
  codes: number;
  /** Whether k-means makes the first codes. */
  fit?: boolean;
}

/** Trains with the reference's settings: L1 on the clamped output, AdamW at 3e-4. */
export async function trainOnDigits(model: Model, { codes, fit, ...options }: Options) {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const { values: flags } = parseArgs({
    options: { images: text(""), steps: text("1000"), batch: text("256"), seed: text("0") },
  });
  const seed = Number(flags.seed);

  const images = flags.images ? readDigits(flags.images) : greyPictures();
  const numbers = Array.from({ length: images.count }, (_, i) => i);
  const held = Math.min(1000, images.count >> 1); // the last ones, not trained on
  const batches = shuffledBatches(numbers.slice(0, -held), Number(flags.batch), seed);
  const batchOf = (chosen: ArrayLike<number>) =>
    np.array(toFloats(images, chosen), { shape: [chosen.length, 28, 28, 1] });

  const usual = { optimizer: adamw(3e-4), loss: "l1", clamp: true } as const;
  const trainer = createTrainer(model, { ...usual, ...options });
  const fresh = model.init(random.key(seed));
  const variables = fit ? await model.fit(fresh, batchOf(batches.at(0))) : fresh;
  const losses: number[] = [];
  const last = () => losses.slice(-50).reduce((sum, loss, _, { length }) => sum + loss / length, 0);
  const begin = performance.now();
  const { state } = await trainLoop(trainer.start(variables, random.key(seed + 1)), {
    trainer,
    batch: (step) => batchOf(batches.at(step)),
    from: 0,
    to: Number(flags.steps),
    onReport({ step, values }) {
      losses.push(values.reconstruction as number);
      if (step % 100 === 0) console.log(`step ${step}: reconstruction ${last().toFixed(4)}`);
    },
  });
  const milliseconds = ((performance.now() - begin) / losses.length).toFixed(0);
  const { indices } = await trainer.evaluate(
    trainer.averaged(state),
    batchOf(numbers.slice(-held)),
  );
  const used = ((100 * new Set(await indices.data()).size) / codes).toFixed(0);
  console.log(
    `reconstruction ${last().toFixed(4)}, ${used} % of ${codes} codes used, ${milliseconds} ms a step`,
  );
}

/** An IDX file of the MNIST family, gzipped or not. */
function readDigits(path: string): Images {
  const file = readFileSync(path);
  return imagesFromArray(parseIdx(path.endsWith(".gz") ? gunzipSync(file) : file, path), path);
}

/** The built-in pictures in grey. */
function greyPictures(): Images {
  const { pixels, ...rest } = shapeImages({ count: 1000, size: 28 });
  return { ...rest, channels: 1, pixels: pixels.filter((_, i) => i % 3 === 1) };
}
