/** Every quantizer that there is, from the command's words to reconstructions. */
import { join } from "node:path";
import { numpy as np, tree } from "@jax-js/jax";
import { openVq } from "vector-quantize/codes";
import { shapeImages, toBytes, toFloats } from "vector-quantize/data";
import { quantizerTypes } from "vector-quantize/options";
import { afterAll, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../test/support/vq.ts";
import type { CodedPicture } from "./codec/codeShape.ts";
import { type ModelFile, openModel } from "./codec/modelFile.ts";
import { createPictureCodec } from "./codec/pictures.ts";
import { codeChooser } from "./codec/rdo.ts";
import { vqCodes } from "./codec/vqCodes.ts";
import { eachOf } from "./input/pictureSet.ts";
import { evaluate } from "./measure/pictureEvaluation.ts";
import { vqInto } from "./output/codeSinks.ts";
import { run } from "./program.ts";

vi.setConfig({ testTimeout: 60_000 });

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

const small = ["--codes", "8", "--code-dim", "4"];
const parts = '{"type":"fsq","levels":[3,4]}';
/** What each needs beside its name. */
const flags: Record<string, string[]> = {
  binaryMapper: ["--bits", "3"],
  factorizedVQ: small,
  fsp: ["--levels", "4,4"],
  fsq: ["--levels", "5,5", "--code-dim", "4"],
  groupedQuantizer: [
    "--groups",
    "2",
    "--inner-quantizer.type",
    "residualQuantizer",
    "--inner-quantizer.layers",
    `[${parts},${parts}]`,
  ],
  groupedResidualFSQ: [
    "--levels",
    "4,4",
    "--num-quantizers",
    "2",
    "--groups",
    "2",
    "--code-dim",
    "4",
  ],
  groupedResidualLFQ: [...small, "--num-quantizers", "2", "--groups", "2"],
  groupedResidualVQ: [...small, "--num-quantizers", "2", "--groups", "2"],
  hierarchicalVQ: [...small, "--scales", "1,2"],
  identity: ["--code-dim", "4"],
  latentQuantize: ["--levels", "3,4", "--code-dim", "4"],
  lfq: ["--codes", "8"],
  productVQ: [...small, "--parts", "2", "--rotation", "learned"],
  randomProjectionQuantizer: [...small, "--codebook-dim", "3", "--num-codebooks", "2"],
  residualFSQ: ["--levels", "4,3", "--num-quantizers", "1", "--bounds", "boundNormalized"],
  residualLFQ: [...small, "--num-quantizers", "2"],
  residualQuantizer: ["--layers", `[${parts},${parts}]`],
  residualSimVQ: [...small, "--num-quantizers", "2"],
  residualVQ: ["--codebook-size", "8,6", "--code-dim", "4"],
  simVQ: small,
  vectorQuantize: [...small, "--heads", "2"],
};
const images = shapeImages({ count: 3, size: 8, seed: 1 });

test.each(quantizerTypes)("%s trains, encodes, decodes and is evaluated", async (type) => {
  const out = join(folder.path, type);
  const code = await run([
    ...["train", "shapes", "--size", "8", "--patch", "4", "--images", "6", "--batch", "2"],
    ...["--width", "8", "--depth", "0", "--steps", "2", "--fit-vectors", "16", "--json"],
    ...["--out", out, "--quantizer", type, ...(flags[type] as string[])],
  ]);
  expect(code).toBe(0);
  const model = await openModel(out);
  expect(model.model.quantizer.config.type).toBe(type);
  const seen: number[] = [];
  const evaluation = await evaluate(model, eachOf(images), ({ made }) => {
    seen.push(...made.pixels);
  });
  expect(seen.length).toBe(images.pixels.length);
  expect(evaluation.psnr).toBeGreaterThan(0);
  // What the model makes of the images itself, without codes in between.
  const x = np.array(toFloats(images, [0, 1, 2]), { shape: [3, 8, 8, 3] });
  const { output, ...rest } = model.model.apply(tree.ref(model.variables as never), x);
  tree.dispose(rest as never);
  const applied = toBytes((await output.data()) as Float32Array);
  applied.forEach((value, i) => {
    expect(Math.abs(value - (seen[i] as number))).toBeLessThanOrEqual(1);
  });
  const codec = createPictureCodec(model);
  const pictures = eachOf(images);
  const decoded = async () => codec.decode(await codec.encode(pictures));
  if (type === "identity")
    await expect(decoded()).rejects.toThrow("expected a quantizer with codes");
  else {
    expect((await decoded()).flatMap(({ pixels }) => [...pixels])).toEqual(seen);
    await checkFile(model);
  }
  await checkRdo(model);
  tree.dispose(model.variables as never);
});

/** Whether pictures come out of a `.vq` file as evaluation has them, and the first layers alone too. */
async function checkFile(model: ModelFile): Promise<void> {
  const codec = createPictureCodec(model);
  const pictures = [0, 1, 2].map((i) => ({
    ...{ name: `${i}.png`, height: 8, width: 8, channels: 3 },
    pixels: images.pixels.subarray(i * 192, (i + 1) * 192),
  }));
  const made = await codec.decode(await codec.encode(pictures));
  const parts: Uint8Array[] = [];
  const writer = await vqInto(model, (bytes) => parts.push(bytes));
  for (const picture of pictures) {
    const [coded] = await codec.encode([picture]);
    await writer.add(coded as CodedPicture);
  }
  await writer.finish();
  const { orders, fromFile, perLayer, layers } = await vqCodes(model);
  const file = await openVq(Buffer.concat(parts), { orders });
  for (const i of [2, 0, 1]) {
    expect(await codec.decode([fromFile(await file.picture(i))])).toEqual([made[i]]);
  }
  if (!/residual/i.test(model.model.quantizer.config.type)) return;
  const fine = fromFile(await file.picture(0)).codes;
  const coarse = fromFile(await file.picture(0, { layers: perLayer }));
  const each = layers.length / perLayer;
  expect(coarse.codes).toEqual(fine.map((code, i) => (i % each === 0 ? code : -1)));
  expect((await codec.decode([coarse]))[0]).toMatchObject({ height: 8, width: 8 });
}

/** Whose codes can be chosen for their bits too, with the flags above. */
const choosing = ["fsq", "lfq", "residualSimVQ", "residualVQ", "simVQ"];

/** Whether bits that are worth nothing change nothing, or `--rdo` is refused. */
async function checkRdo(model: ModelFile): Promise<void> {
  const { type } = model.model.quantizer.config;
  const asked = codeChooser(model, 0);
  if (!choosing.includes(type)) {
    await expect(asked).rejects.toThrow(`--rdo: expected a quantizer whose codes are`);
    return;
  }
  const pictures = eachOf(images);
  const chosen = await createPictureCodec(model, await asked).encode(pictures);
  expect(chosen).toEqual(await createPictureCodec(model).encode(pictures));
}
