import { grad, numpy as np, random, tree } from "@jax-js/jax";
import { expect, test } from "vitest";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { jitted } from "../tree.ts";
import { gelu } from "./activations.ts";
import { conv2d } from "./conv2d.ts";
import { imageAutoencoder } from "./imageAutoencoder.ts";
import { maxPool } from "./maxPool.ts";
import type { ModelParams } from "./model.ts";
import { residual } from "./residual.ts";
import { sequential } from "./sequential.ts";

const models = {
  "residual blocks": () => imageAutoencoder({ channels: 1, width: 8, depth: 2, codeDim: 4 }),
  "a block within a block": () =>
    sequential([
      conv2d({ inChannels: 1, outChannels: 4 }),
      maxPool(),
      residual([gelu(), residual([conv2d({ inChannels: 4, outChannels: 4 }), gelu()])]),
      vectorQuantize({ dim: 4, codebookSize: 8 }),
    ]),
};

test.each(Object.entries(models))("the way back through %s is the gradient", async (_, make) => {
  const model = make();
  const { params, state } = model.init(random.key(0));
  tree.dispose([params.decoder, params.quantizer, state] as never);
  const own = () => tree.ref(params.encoder as never) as ModelParams["encoder"];
  const x = random.normal(random.key(1), [2, 8, 8, 1]);

  const [features, kept] = jitted(model.encoderForward)(own(), x.ref);
  const plain = jitted(model.encoder)(own(), x.ref);
  expect([...(await features.ref.data())]).toEqual([...(await plain.data())]);

  const along = random.normal(random.key(2), features.shape);
  features.dispose();
  const back = jitted(model.encoderBackward);
  const found = tree.leaves(back(own(), kept, along.ref) as never) as np.Array[];
  type Gradient = (given: ModelParams["encoder"], x: np.Array, along: np.Array) => np.Array;
  const inner: Gradient = (given, x, along) => np.sum(model.encoder(given, x).mul(along));
  const graph = jitted(grad(inner as never) as unknown as Gradient);
  const wanted = tree.leaves(graph(own(), x, along) as never) as np.Array[];
  expect(found.length).toBe(wanted.length);
  for (const [i, leaf] of wanted.entries()) {
    const [ours, theirs] = [await (found[i] as np.Array).data(), await leaf.data()];
    for (const [at, value] of theirs.entries()) {
      expect(Math.abs((ours[at] as number) - value)).toBeLessThan(
        1e-5 * Math.max(1, Math.abs(value)),
      );
    }
  }
  tree.dispose(params.encoder as never);
});
