import "vector-quantize"; // first: it gives jax-js its threads
import { parseArgs } from "node:util";
import { numpy as np, random, tree } from "@jax-js/jax";
import { shapeImages, shuffledBatches, toFloats } from "vector-quantize/data";
import { imageAutoencoder } from "vector-quantize/nn";
import { initNode } from "vector-quantize/node";
import { adamw, createTrainer, trainLoop } from "vector-quantize/train";

/**
 * Whether memory grows while a model trains: resident memory around step 500 and at the end.
 *
 *   npm run bench:memory -- --steps 5000
 */
const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "5000" },
    batch: { type: "string", default: "8" },
    threads: { type: "string", default: "4" },
  },
});
const [steps, batch] = [Number(values.steps), Number(values.batch)];
const early = Math.min(500, steps / 2);
/** Steps over which the resident size is averaged, after garbage is collected. */
const window = Math.min(50, early);

await initNode({ threads: Number(values.threads) });
const images = shapeImages({ count: 1024, size: 32 });
const { height, width, channels } = images;
const items = Uint32Array.from({ length: images.count }, (_, i) => i);
const batches = shuffledBatches(items, batch, 0);
const trainer = createTrainer(imageAutoencoder({ patch: 4 }), {
  optimizer: adamw(1e-3),
  averageDecay: 0.999,
});

const sizes: number[] = [];
const { state } = await trainLoop(trainer.init(random.key(0)), {
  trainer,
  batch: (step) =>
    np.array(toFloats(images, batches.at(step)), { shape: [batch, height, width, channels] }),
  from: 0,
  to: steps,
  afterStep: (_state, step) => {
    if ([early, steps].some((end) => step > end - window && step <= end)) globalThis.gc?.();
    sizes.push(process.memoryUsage.rss() / 2 ** 20);
  },
});
tree.dispose(state as never);

const around = (step: number) =>
  sizes.slice(step - window, step).reduce((sum, size) => sum + size, 0) / window;
const [first, last] = [around(early), around(steps)];
const highest = process.resourceUsage().maxRSS / 1024;
console.log(
  `${steps} steps: ${first.toFixed(1)} MiB at step ${early}, ${last.toFixed(1)} MiB at step ${steps} ` +
    `(${((100 * last) / first - 100).toFixed(1)} %), highest ${highest.toFixed(1)} MiB`,
);
