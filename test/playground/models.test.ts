/** The scene Models: what it opens, and that its codes are those of Node. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { numpy as np, random, tree } from "@jax-js/jax";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { residualVQ } from "vector-quantize";
import { shapeImages } from "vector-quantize/data";
import { audioAutoencoder, saveModel } from "vector-quantize/nn";
import { saveSafetensors } from "vector-quantize/safetensors";
import { toTorch } from "vector-quantize/torch";
import { afterAll, beforeAll, expect } from "vitest";
import { digestOf } from "../../packages/playground/src/scenes/models/digest.ts";
import { drawVectors } from "../../packages/playground/src/scenes/models/vectorCodes.ts";
import { voice } from "../../packages/playground/src/scenes/speech/voice.ts";
import { browserTest } from "../browser/withPage.ts";
import { runVq, temporaryFolder } from "../support/vq.ts";
import { inPlayground } from "./playground.ts";

const temporary = temporaryFolder();
afterAll(() => temporary[Symbol.dispose]());
const at = (...names: string[]) => join(temporary.path, ...names);
const run = ["model.safetensors", "prior.vq"].map((name) => at("run", name));
const tiny =
  "--steps 6 --batch 8 --codes 16 --code-dim 4 --width 8 --size 16 --patch 4 --images 60";

async function vq(...args: string[]): Promise<void> {
  const { code, stderr } = await runVq(args);
  expect(code, stderr).toBe(0);
}

beforeAll(async () => {
  const { pixels } = shapeImages({ count: 1, size: 45, seed: 9 });
  const raw = { width: 45, height: 45, channels: 3 } as const;
  await sharp(pixels as Uint8Array, { raw })
    .png()
    .toFile(at("picture.png"));
  await vq("train", "shapes", ...tiny.split(" "), "--out", at("run"));
  await vq("encode", at("run"), at("picture.png"), "--prior", "--out", at("node.vq"));
}, 120_000);

const open = (page: Page, ...paths: string[]) =>
  page.getByLabel("Files ...", { exact: true }).setInputFiles(paths);

/** Its digest, once it is another than before. */
async function digestAfter(page: Page, before = ""): Promise<string> {
  const digest = page.locator("[data-digest]");
  await expect
    .poll(async () => ((await digest.count()) > 0 ? digest.textContent() : ""), { timeout: 60_000 })
    .not.toBe(before);
  return (await digest.textContent()) ?? "";
}

browserTest(
  "a run of the command line encodes a picture to the codes of Node, and back",
  () =>
    inPlayground({ isolated: true }, async ({ page, open: goTo }) => {
      await goTo("models");
      const first = await digestAfter(page);
      await open(page, ...run);
      const own = await digestAfter(page, first);
      await page.getByLabel("Encode a picture ...").last().setInputFiles(at("picture.png"));
      const digest = await digestAfter(page, own);

      const saving = page.waitForEvent("download");
      await page.getByRole("button", { name: "Save the codes (.vq)" }).click();
      await (await saving).saveAs(at("page.vq"));
      await vq("decode", at("run"), at("page.vq"), "--out", at("decoded"));

      await open(page, ...run, at("node.vq"));
      await page.locator("[data-decoded]").waitFor();
      expect(await page.locator("[data-decoded]").textContent()).toBe(digest);
    }),
  120_000,
);

browserTest(
  "a file of PyTorch gives the codes of Node",
  async () => {
    const options = { dim: 4, codebookSize: 16, numQuantizers: 3 };
    const quantizer = residualVQ(options);
    const variables = quantizer.init(random.key(0));
    const { tensors } = toTorch(quantizer, tree.ref(variables));
    const network = Object.entries(tensors).map(([name, own]) => [`1.${name}`, own]);
    const others = { "0.weight": np.zeros([2, 2]) };
    const bytes = await saveSafetensors({ ...Object.fromEntries(network), ...others });
    writeFileSync(at("net.safetensors"), bytes);
    const vectors = np.array(drawVectors(1000, 4), { shape: [1000, 4] });
    const codes = (await (await quantizer.encode(variables, vectors)).data()) as Int32Array;

    await inPlayground({ isolated: true }, async ({ page, open: goTo }) => {
      await goTo("models");
      const first = await digestAfter(page);
      await open(page, at("net.safetensors"));
      // What its arrays tell is filled in.
      expect(await page.getByLabel("Class", { exact: true }).inputValue()).toBe("ResidualVQ");
      expect(await page.getByLabel("Place in the network", { exact: true }).inputValue()).toBe("1");
      await page.getByRole("button", { name: "Open it" }).click();
      await page.getByText("1,000 random vectors").waitFor();
      expect(await digestAfter(page, first)).toBe(await digestOf(codes));
    });
  },
  120_000,
);

browserTest(
  "a codec of sounds gives the codes of Node, and bad files are told",
  async () => {
    const strides = [4, 5];
    const model = audioAutoencoder({ strides, width: 4, codebookSize: 16, numQuantizers: 2 });
    const variables = model.init(random.key(0));
    const rate = 8000;
    const sound = voice(rate);
    const details = { sounds: { sampleRate: rate, samples: 800, causal: true } };
    writeFileSync(at("sound.safetensors"), await saveModel(model, tree.ref(variables), details));
    const x = np.array(sound, { shape: [1, sound.length, 1] });
    const codes = (await (await model.encode(variables, x)).data()) as Int32Array;
    writeFileSync(at("broken.safetensors"), "no such file");

    await inPlayground({ isolated: true }, async ({ page, open: goTo }) => {
      await goTo("models");
      const first = await digestAfter(page);
      await open(page, at("sound.safetensors"));
      await page.getByRole("button", { name: "Hear what came back" }).waitFor();
      expect(await digestAfter(page, first)).toBe(await digestOf(codes));
      await open(page, at("broken.safetensors"));
      await page.getByRole("alert").filter({ hasText: "expected" }).waitFor();
      await open(page, at("picture.png"));
      await page.getByRole("alert").filter({ hasText: "got picture.png" }).waitFor();
    });
  },
  120_000,
);
