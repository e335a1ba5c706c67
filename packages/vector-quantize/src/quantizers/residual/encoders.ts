import { numpy as np, tree } from "@jax-js/jax";
import { floats } from "../../search/kernel.ts";
import { remembered } from "../../search/remembered.ts";
import { owns } from "../../tree.ts";
import type { Quantizer, Variables } from "../contract.ts";
import type { ResidualEncoder } from "../lookupFree/residualEncoder.ts";
import { beamOnShaders } from "./beamOnShaders.ts";
import { encodeByLayers, residualOnKernels } from "./kernel.ts";
import type { ResidualVariables } from "./layers.ts";
import { residualOnShaders } from "./shader.ts";

/** What `encode` is made of outside of a graph: compiled functions, and what the family says. */
interface EncoderParts {
  readonly layers: readonly Quantizer[];
  readonly encoder: ResidualEncoder | undefined;
  readonly beamWeights: readonly number[];
  /** Whether vectors enter the layers as they lie in the input. */
  readonly direct: boolean;
  projected(params: ResidualVariables["params"], x: np.Array): np.Array;
  enter(params: ResidualVariables["params"], x: np.Array): np.Array;
  codebooks(variables: ResidualVariables): np.Array[];
  variablesAt(variables: ResidualVariables, layer: number): Variables;
}

/** Ways to find the indices of `x` in the first `depth` layers, int32 `[N, Q]`. They borrow. */
export function residualEncoders(parts: EncoderParts) {
  const { layers, encoder, beamWeights, direct, projected, enter, codebooks, variablesAt } = parts;
  const Q = layers.length;
  const booksOf = remembered();
  /** The numbers of the codebooks that are used. */
  const hostBooks = async (variables: ResidualVariables, depth: number) => {
    const read = () => Promise.all(codebooks(tree.ref(variables)).map(floats));
    return (await booksOf(variables, read)).slice(0, depth);
  };
  const entering = ({ params }: ResidualVariables, x: np.Array) => enter(tree.ref(params), x.ref);

  return {
    /** Scalar layers, by the kernels. */
    async levels({ params }: ResidualVariables, x: np.Array, depth: number) {
      const vectors = await floats(direct ? x.ref : projected(tree.ref(params), x.ref));
      const rows = await (encoder as ResidualEncoder)(vectors, depth);
      return np.array(rows as Int32Array<ArrayBuffer>, { shape: [rows.length / Q, Q] });
    },

    /** Layers with codebooks, by the kernels. */
    async codes(variables: ResidualVariables, x: np.Array, depth: number, beam: number) {
      const books = await hostBooks(variables, depth);
      return residualOnKernels(entering(variables, x), { codebooks: books, beam, beamWeights }, Q);
    },

    /** Layers with codebooks, by the shaders. */
    async codesOnDevice(variables: ResidualVariables, x: np.Array, depth: number, beam: number) {
      const books = codebooks(tree.ref(variables));
      const vectors = entering(variables, x);
      using _ = owns(books, vectors);
      const host = () => hostBooks(variables, depth);
      const used = books.slice(0, depth);
      const search = { codebooks: used, beam, beamWeights, host };
      const found =
        beam > 1
          ? await beamOnShaders(vectors, search, Q)
          : await residualOnShaders(vectors, used, host, Q);
      return found.indices;
    },

    /** Layers of any kind, one after another. */
    layers: (variables: ResidualVariables, x: np.Array, depth: number) =>
      encodeByLayers(
        layers.slice(0, depth),
        (layer) => variablesAt(variables, layer),
        entering(variables, x),
        Q,
      ),
  };
}
