import "vector-quantize"; // first: it gives jax-js its threads
import { jit, numpy as np } from "@jax-js/jax";
import { initNode } from "vector-quantize/node";
import type * as graph from "../../packages/vector-quantize/dist/search/graph.js";
import { readFloats, serve } from "../serve.ts";

// Not part of the public API, so it is taken from the build; from `bench/dist/sides`.
const built = new URL("../../../packages/vector-quantize/dist/search/graph.js", import.meta.url);
const { nearestInGraph } = (await import(built.href)) as typeof graph;

/** The search in the graph, on jax-js: the meaning that the kernels must keep. */
await serve({
  async prepare(given) {
    await initNode({ threads: given.threads });
    const { n, dim, codes } = given;
    const x = np.array(readFloats(given, "vectors")).reshape([n, dim]);
    const codebook = np.array(readFloats(given, "codebook")).reshape([codes, dim]);
    const search = jit((a: np.Array, b: np.Array) => nearestInGraph(a, b, "euclidean"));
    return { run: () => search(x.ref, codebook.ref).data(), versions: { node: process.version } };
  },
});
