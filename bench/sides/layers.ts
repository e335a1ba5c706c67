import "vector-quantize"; // first: it gives jax-js its threads
import { blockUntilReady, numpy as np, random, tree } from "@jax-js/jax";
import { createTrainingPass, type Quantizer, residualVQ, vectorQuantize } from "vector-quantize";
import { initNode } from "vector-quantize/node";
import type { Preparation } from "../protocol.ts";
import { readFloats, serve } from "../serve.ts";

/** Whole quantizer layers on arrays of jax-js: search, codebook update, output, loss, gradient. */
await serve({
  async prepare(given) {
    await initNode({ threads: given.threads });
    const { n, dim } = given;
    const x = np.array(readFloats(given, "vectors")).reshape([n, dim]);
    await blockUntilReady(x.ref);
    return { run: await sideOf(given, x), versions: { node: process.version } };
  },
});

async function sideOf(given: Preparation, x: np.Array): Promise<() => Promise<unknown>> {
  const { dim, codes, layers = 1, beam = 1 } = given;
  const quantizer = (layers === 1
    ? vectorQuantize({ dim, codebookSize: codes })
    : residualVQ({
        dim,
        codebookSize: codes,
        numQuantizers: layers,
        beamSize: beam,
      })) as unknown as Quantizer;
  const all = readFloats(given, "codebook");
  const books = Array.from({ length: layers }, (_, q) =>
    np.array(all.slice(q * codes * dim, (q + 1) * codes * dim)).reshape([codes, dim]),
  );
  const states = books.map((codebook) => ({
    codebook: codebook.ref,
    clusterSize: np.ones([codes]),
    codeSums: codebook,
  }));
  const { params } = quantizer.init(random.key(0));
  let state = layers === 1 ? states[0] : { layers: states };
  const run = createTrainingPass(quantizer);
  const byQuantized = np.ones(x.shape);

  switch (given.side) {
    case "layer forward":
      return async () => {
        const pass = await run(tree.ref({ params, state } as never), x.ref);
        tree.dispose(state as never);
        ({ state } = pass.quantized as never);
        const { state: _, ...rest } = pass.quantized;
        tree.dispose(await blockUntilReady(rest as never));
        pass.dispose();
      };
    case "layer forward and backward":
      return async () => {
        const pass = await run(tree.ref({ params, state } as never), x.ref);
        tree.dispose(state as never);
        ({ state } = pass.quantized as never);
        const { state: _, loss, ...rest } = pass.quantized;
        tree.dispose(rest as never);
        const gradients = { quantized: byQuantized.ref, loss: np.onesLike(loss) };
        tree.dispose(await blockUntilReady((await pass.back(gradients)) as never));
      };
    case "layer encode":
      return async () => {
        const indices = await quantizer.encode(tree.ref({ params, state } as never), x.ref);
        indices.dispose();
      };
    default:
      throw new Error(`no side ${given.side}`);
  }
}
