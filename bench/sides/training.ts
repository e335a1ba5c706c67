import "vector-quantize"; // first: it gives jax-js its threads
import { blockUntilReady, numpy as np, random, tree } from "@jax-js/jax";
import type { Model } from "vector-quantize/nn";
import { initNode } from "vector-quantize/node";
import type { Trainer } from "vector-quantize/train";
import { readFloats, serve } from "../serve.ts";

// The models are those of the comparison of training curves; from `bench/dist/sides`.
const models = new URL("../../../parity/autoencoder/autoencoder.mjs", import.meta.url);
type Build = (options: { codes: number }) => Model;
const { buildModel, buildPatchModel, buildTrainer } = (await import(models.href)) as {
  buildModel: Build;
  buildPatchModel: Build;
  buildTrainer(model: Model): Trainer;
};

/** A training step on a batch at hand, until the new state and the losses are computed. */
await serve({
  async prepare(given) {
    const { side, codes, threads } = given;
    await initNode({ threads });
    const build = side === "autoencoder of patches" ? buildPatchModel : buildModel;
    const trainer = buildTrainer(build({ codes }));
    const x = np.clip(np.array(readFloats(given, "vectors")), -1, 1);
    const batch = x.reshape([256, 28, 28, 1]);
    let state = trainer.init(random.key(0));
    await blockUntilReady([batch, state] as never);
    return {
      async run() {
        const { state: next, metrics } = await trainer.trainStep(state, batch.ref);
        state = next;
        await blockUntilReady([state, metrics] as never);
        tree.dispose(metrics as never);
      },
      versions: { node: process.version },
    };
  },
});
