import "vector-quantize"; // first: it gives jax-js its threads
import { blockUntilReady, numpy as np, random, tree } from "@jax-js/jax";
import { createTrainingPass, fsq, lfq, type Quantizer, residualFSQ } from "vector-quantize";
import { initNode } from "vector-quantize/node";
import type { Preparation } from "../protocol.ts";
import { readFloats, serve } from "../serve.ts";

/** Whole scalar and lookup-free quantizers on arrays of jax-js. */
await serve({
  async prepare(given) {
    await initNode({ threads: given.threads });
    const { n, dim } = given;
    const x = np.array(readFloats(given, "vectors")).reshape([n, dim]);
    await blockUntilReady(x.ref);
    return { run: sideOf(given, x), versions: { node: process.version } };
  },
});

function sideOf(given: Preparation, x: np.Array): () => Promise<unknown> {
  const { side, codes, levels = [], layers = 1 } = given;
  switch (side) {
    case "fsq encode":
      return encoding(fsq({ levels }), x);
    case "residual fsq encode":
      return encoding(residualFSQ({ levels, numQuantizers: layers }), x);
    case "lfq encode":
      return encoding(lfq({ codebookSize: codes }), x);
    case "lfq training forward":
      return training(lfq({ codebookSize: codes }), x);
    default:
      throw new Error(`no side ${side}`);
  }
}

function encoding(given: unknown, x: np.Array): () => Promise<unknown> {
  const quantizer = given as Quantizer;
  return async () => {
    (await quantizer.encode(quantizer.init(random.key(0)), x.ref)).dispose();
  };
}

/** The output and the losses of a training call; what its gradient needs is found in it too. */
function training(given: unknown, x: np.Array): () => Promise<unknown> {
  const quantizer = given as Quantizer;
  const run = createTrainingPass(quantizer);
  return async () => {
    const pass = await run(quantizer.init(random.key(0)), x.ref);
    tree.dispose(await blockUntilReady(pass.quantized as never));
    pass.dispose();
  };
}
