/** A device that is lost in training is an error, and training goes on from the checkpoint in another page. */
import { expect } from "vitest";
import { type TrainingAnswer, type TrainingOrder, trainInPage } from "./lostDevicePage.ts";
import { browserTest, type TestPage, withPage } from "./withPage.ts";

const train = (page: TestPage, order: TrainingOrder) =>
  page.run<TrainingAnswer>(`
    const jax = await import("@jax-js/jax");
    const library = {
      ...(await import("vector-quantize")),
      ...(await import("vector-quantize/nn")),
      ...(await import("vector-quantize/train")),
    };
    return (${trainInPage.toString()})(jax, library, ${JSON.stringify(order)});
  `);

/** In a page of its own. */
const inPage = <T>(use: (page: TestPage) => Promise<T>) =>
  withPage({ isolated: true, webgpu: true }, use);

const lost = "VectorQuantizeError: webgpu: expected a device, but it was lost (destroyed: ";

browserTest(
  "training goes on from a checkpoint after the device was lost",
  async () => {
    const config = { type: "vectorQuantize", dim: 4, codebookSize: 8 }; // searches on the shaders
    const [whole, broken] = await inPage(async (page) => [
      await train(page, { config, steps: 4 }),
      await train(page, { config, steps: 4, saves: 1, loses: 2 }),
    ]);
    expect(broken.losses).toEqual(whole.losses.slice(0, 3));
    expect(broken.errors).toEqual([expect.stringContaining(lost)]);
    await inPage(async (page) => {
      const rest = await train(page, { config, steps: 2, checkpoint: broken.checkpoint });
      expect(rest).toMatchObject({ losses: whole.losses.slice(2), errors: [] });
      const inGraph = { type: "lfq", codebookSize: 16 };
      const { losses, errors } = await train(page, { config: inGraph, steps: 3, loses: 0 });
      expect(losses).toHaveLength(1);
      expect(errors).toEqual([expect.stringContaining(lost), expect.stringContaining(lost)]);
    });
  },
  120_000,
);
