import { numpy as np, random, tree } from "@jax-js/jax";
import {
  bitsPerPixel,
  codeCounts,
  hasCodes,
  perplexity,
  type Quantizer,
  quantizerFromConfig,
  usedCodes,
} from "vector-quantize";
import { codeLayers, createVqWriter } from "vector-quantize/codes";
import { hostRandom, type Images, toBytes, toFloats } from "vector-quantize/data";
import { imageAutoencoder, type Model, type ModelVariables, saveModel } from "vector-quantize/nn";
import { adamw, createMetricReader, createTrainer, type StepReport } from "vector-quantize/train";
import type { Engine } from "../../engine/engine.ts";
import {
  type ImagesRow,
  type ImagesSettings,
  type ImagesSnapshot,
  type OwnPictures,
  type ShownPictures,
  side,
} from "./contract.ts";
import { keepOwn, pictureSets } from "./pictures.ts";

const batchSize = 16;
/** Pictures that k-means begins the codebook with. */
const fitSize = 128;

const arrayOf = (images: Images, numbers: readonly number[]) =>
  np.array(toFloats(images, numbers), { shape: [numbers.length, side, side, 3] });

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

function makeModel({ quantizer: type, options, patch, width }: ImagesSettings): Model {
  const quantizer = quantizerFromConfig({ type, ...options } as never);
  return imageAutoencoder({ patch, width, codeDim: quantizer.dim, quantizer });
}

/** Trains an autoencoder of small pictures. */
export async function openImages(settings: ImagesSettings): Promise<Engine<ImagesSnapshot>> {
  const model = makeModel(settings);
  const { training, shown } = pictureSets(settings);
  const trainer = createTrainer(model, { optimizer: adamw(settings.rate) });
  const reader = createMetricReader();
  const draw = hostRandom(7);
  const sample = arrayOf(training, upTo(Math.min(fitSize, training.count)));
  const fitted = await model.fit(model.init(random.key(0)), sample, { warn: () => {} });
  let state = trainer.start(fitted, random.key(1));
  let rows: ImagesRow[] = [];

  const own = () => trainer.averaged(tree.ref(state as never));

  function note(report: StepReport | undefined): void {
    if (!report) return;
    const { step, indices, values } = report;
    const layers = model.quantizer.codebookSizes.length;
    const first = indices.filter((_, i) => i % layers === 0);
    const even = hasCodes(model.quantizer)
      ? perplexity(codeCounts(first, model.quantizer.codebookSizes[0] as number))
      : 0;
    const { reconstruction = 0, commitment = 0, psnr = 0 } = values;
    rows.push([step, reconstruction, commitment, psnr, even]);
  }

  return {
    async step() {
      const numbers = Array.from({ length: batchSize }, () => draw.below(training.count));
      const { state: next, metrics } = await trainer.trainStep(state, arrayOf(training, numbers));
      state = next;
      note(await reader.push(metrics));
    },
    pause: 250,
    async snapshot() {
      const { output, indices, psnr, ...rest } = await trainer.evaluate(
        own(),
        arrayOf(shown, upTo(shown.count)),
      );
      tree.dispose(rest as never);
      const [decibel] = await psnr.data();
      const outputs = toBytes((await output.data()) as Float32Array);
      const coded = await codesOf(model, indices, settings.patch);
      const fresh = rows;
      rows = [];
      return {
        rows: fresh,
        pictures: training.count,
        shown: {
          originals: Uint8Array.from(shown.pixels),
          outputs,
          psnr: decibel as number,
          ...coded,
        },
      };
    },
    calls: {
      pictures: async (given: OwnPictures) => keepOwn(given),
      model: () => fileOf(model, own(), settings),
    },
    dispose: () => tree.dispose(state as never),
  };
}

type Coded = Omit<ShownPictures, "originals" | "outputs" | "psnr">;

/** Codes of the pictures, and what they take. */
async function codesOf({ quantizer }: Model, indices: np.Array, patch: number): Promise<Coded> {
  if (!hasCodes(quantizer)) {
    indices.dispose();
    const none = { codes: new Int32Array(), layers: 0, used: 0, size: 0 };
    return { ...none, bitsAPixel: Number.NaN, plainBits: Number.NaN };
  }
  const codes = Int32Array.from(await indices.data());
  const layers = quantizer.codebookSizes.length;
  const size = quantizer.codebookSizes[0] as number;
  const positions = (side / patch) ** 2;
  const first = codes.filter((_, i) => i % layers === 0);
  return {
    codes,
    layers,
    size,
    used: usedCodes(codeCounts(first, size)),
    bitsAPixel: await fileBits(quantizer, codes, patch),
    plainBits: bitsPerPixel(quantizer.codebookSizes, positions, side * side),
  };
}

/** Bits a pixel of a `.vq` file. */
async function fileBits(quantizer: Quantizer, codes: Int32Array, patch: number): Promise<number> {
  const across = side / patch;
  const length = across * across * quantizer.codebookSizes.length;
  const count = codes.length / length;
  const writer = createVqWriter({ layers: codeLayers(quantizer) }, () => {});
  for (let i = 0; i < count; i++) {
    const picture = codes.subarray(i * length, (i + 1) * length);
    await writer.add({ shape: [across, across], size: [side, side], codes: picture });
  }
  const { bytes } = await writer.finish();
  return (8 * bytes) / (count * side * side);
}

/** The model as `vq train` would have written it. */
async function fileOf(
  model: Model,
  variables: ModelVariables,
  { patch }: ImagesSettings,
): Promise<Uint8Array> {
  const images = { height: side, width: side, channels: 3 };
  return await saveModel(model, variables, { images, settings: { patch } } as never);
}
