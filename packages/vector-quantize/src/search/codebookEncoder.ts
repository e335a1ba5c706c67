import { blockUntilReady, numpy as np, tree } from "@jax-js/jax";
import { byPath } from "../paths.ts";
import type { Compared } from "../quantizers/contract.ts";
import { type ArrayTree, jitted, release } from "../tree.ts";
import { type Metric, nearestInGraph } from "./graph.ts";
import { nearestOnKernels } from "./kernel.ts";
import { nearestOnShaders } from "./shader.ts";

/** A search of one codebook, all of unit length for `cosine`. */
export type Query = { vectors: np.Array; codes: np.Array }; // [M, C], [K, C]

/** `comparison` of a quantizer with one codebook. Takes ownership of nothing. */
export function codebookComparison<Variables extends ArrayTree>(
  query: EncoderParts<Variables, object>["query"],
) {
  const asked = jitted(query);
  return async (variables: Variables, x: np.Array): Promise<Compared> => {
    const given = [tree.ref(variables as never), x.ref] as unknown as [Variables, np.Array];
    const [found] = await blockUntilReady(asked(...given));
    const { vectors, codes } = found as Query;
    return { vectors, codebooks: [codes] };
  };
}

/** What leads to searches and back. Both are traced. */
interface EncoderParts<Variables, Masks> {
  readonly metric: Metric;
  /** The searches that `x` comes to. */
  query(variables: Variables, x: np.Array): Query[];
  /** What was found, int32 `[M]` for each search, as the indices of `x`. */
  asIndices(x: np.Array, found: np.Array[], masks: Masks): np.Array;
}

/** A search outside of a graph: vectors `[M, C]` in codes `[K, C]`. Takes ownership. */
type Nearest = (vectors: np.Array, codes: np.Array, metric: Metric) => Promise<np.Array>;

const byKernels: Nearest = async (...search) => np.array(await nearestOnKernels(...search));
const byShaders: Nearest = async (...search) => (await nearestOnShaders(...search)).indices;

/** `encode` of a quantizer that compares vectors to codes. Takes ownership of nothing. */
export function codebookEncoder<Variables extends ArrayTree, Masks extends object>({
  metric,
  query,
  asIndices,
}: EncoderParts<Variables, Masks>) {
  const inGraph = jitted((variables: Variables, x: np.Array, masks: Masks) => {
    const searches = query(variables, x.ref);
    const found = searches.map(({ vectors, codes }) => nearestInGraph(vectors, codes, metric));
    return asIndices(x, found, masks);
  });
  const asked = jitted(query);
  const compiled = jitted(asIndices);

  return (variables: Variables, x: np.Array, masks: Masks): Promise<np.Array> => {
    const given = () => [tree.ref(variables as never), x.ref] as unknown as [Variables, np.Array];
    const masked = () => tree.ref(masks as never) as Masks;
    const outside = (nearest: Nearest) => async () => {
      const searches = asked(...given());
      const found: np.Array[] = [];
      try {
        for (const { vectors, codes } of searches) {
          found.push(await nearest(vectors.ref, codes.ref, metric));
        }
        return compiled(x.ref, tree.ref(found), masked());
      } finally {
        release([searches, found]);
      }
    };
    const graph = async () => inGraph(...given(), masked());
    return byPath(x, outside(byKernels), graph, outside(byShaders)).then((found) =>
      blockUntilReady(found),
    );
  };
}
