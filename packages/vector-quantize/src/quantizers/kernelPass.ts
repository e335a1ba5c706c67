import { numpy as np, tree } from "@jax-js/jax";
import type { CodeStatistics } from "../codebook/averages.ts";
import type { Replacements } from "../codebook/deadCodes.ts";
import { lazy } from "../lazy.ts";
import type { Passage } from "../passage.ts";
import type { Metric } from "../search/graph.ts";
import { floats, searchCodes } from "../search/kernel.ts";
import type { ArrayTree } from "../tree.ts";
import type { TrainingPass, Variables } from "./contract.ts";
import { searchLayers } from "./residual/kernel.ts";

const passModule = lazy(() => import("../kernels/residual/residualPass.ts"));

/** What a step brings to one layer. */
export interface LayerBatch {
  statistics: CodeStatistics;
  /** Where the layer replaces dead codes: what entered it, and its indices. */
  replacements?: Omit<Replacements, "key">;
}

/**
 * A quantizer of plain layers, which compare vectors to just their codes, one after another on what is
 * left; what leads into them and out of them.
 */
export interface PlainQuantizer<Params extends ArrayTree, State extends ArrayTree> {
  /** `[K, C]` per layer. */
  readonly codebooks: readonly np.Array[];
  /** For `cosine` there is one layer, of vectors and codes of unit length. */
  readonly metric: Metric;
  /** Paths that the search keeps, and the weights of the layers in their scores. */
  readonly beam: number;
  readonly beamWeights: readonly number[];
  readonly layers: readonly PlainLayer[];
  /** Shape of the losses: `[]`, or `[Q]`. */
  readonly lossShape: number[];
  readonly indexShape: number[];
  /** To the vectors that enter the first layer, `[N, C]`. */
  readonly enter: Passage<{ params: Params; x: np.Array }>;
  /** To the output from the sum of the codes, `[N, C]`. */
  readonly leave: Passage<{ params: Params; sum: np.Array }>;
  /** The state of a layer after the step. */
  move(layer: number, batch: LayerBatch): ArrayTree;
  /** The state after the step, from those of the layers. */
  stateOf(layers: ArrayTree[]): State;
}

/** What a pass needs to know of a layer. */
export interface PlainLayer {
  /** Whether gradients turn with the rotation trick, in all layers alike; else they pass straight through. */
  readonly rotates: boolean;
  readonly replacesDeadCodes: boolean;
  readonly commitmentWeight: number;
}

/** A training pass of a quantizer of plain layers on the kernels. Takes ownership. */
export async function passOnKernels<Params extends ArrayTree, State extends ArrayTree>(
  { params, state }: Variables<Params, State>,
  x: np.Array,
  quantizer: PlainQuantizer<Params, State>,
): Promise<TrainingPass<Params, State>> {
  tree.dispose(state as never);
  const { layers, lossShape, indexShape, enter, leave } = quantizer;
  const entering = { params, x };
  const vectors = enter.forward(tree.ref(entering as never) as typeof entering);
  const pass = await passThroughLayers(vectors, quantizer).catch((error) => {
    tree.dispose(entering as never);
    throw error;
  });
  const leaving = { params: tree.ref(params as never) as Params, sum: pass.sum };
  const output = leave.forward(tree.ref(leaving as never) as typeof leaving);
  const weights = layers.map(({ commitmentWeight }) => commitmentWeight);
  const commitment = pass.errors.map((error, q) => (weights[q] === 0 ? 0 : error));
  const perLayer = (values: number[]) => np.array(values).reshape(lossShape);
  const none = () => np.zeros(lossShape);

  return {
    quantized: {
      quantized: output,
      indices: pass.indices.reshape(indexShape),
      loss: perLayer(commitment.map((error, q) => error * (weights[q] as number))),
      losses: {
        crossEntropy: none(),
        commitment: perLayer(commitment),
        codebookDiversity: none(),
        orthogonal: none(),
        inPlace: none(),
      },
      state: quantizer.stateOf(pass.states),
    },
    async back({ quantized, loss }) {
      const { params: outer, sum } = leave.backward(leaving, quantized);
      const factors = [...(await floats(loss))];
      const ofErrors = factors.map((factor, q) => factor * (weights[q] as number));
      const { params: inner, x: home } = enter.backward(entering, await pass.back(sum, ofErrors));
      const add = (a: np.Array, b: np.Array) => a.add(b);
      return { params: tree.map(add, inner as never, outer as never) as Params, x: home };
    },
    dispose() {
      tree.dispose([entering, leaving] as never);
      pass.dispose();
    },
  };
}

/** A training step's work on the vectors of plain layers. */
interface KernelPass {
  /** int32 `[N, Q]`. */
  readonly indices: np.Array;
  /** The sum of the codes, `[N, C]`. */
  readonly sum: np.Array;
  /** `mean (r_q - c_q)^2` over vectors and features, per layer. */
  readonly errors: readonly number[];
  readonly states: ArrayTree[];
  /**
   * The gradient of the vectors from that of the sum and those of the errors. Takes ownership; may be
   * called once.
   */
  back(gradient: np.Array, errorGradients: readonly number[]): Promise<np.Array>;
  /** In place of `back`. */
  dispose(): void;
}

/**
 * Search, codebook update, output and errors of plain layers on the kernels, and the gradient's way
 * back: one graph of all that costs many times more. Takes ownership.
 */
async function passThroughLayers<Params extends ArrayTree, State extends ArrayTree>(
  vectors: np.Array,
  quantizer: PlainQuantizer<Params, State>,
): Promise<KernelPass> {
  const [N, dim] = vectors.shape as [number, number];
  const { metric, beam, beamWeights, layers } = quantizer;
  const Q = layers.length;
  const [rows, ...codebooks] = await Promise.all([vectors, ...quantizer.codebooks].map(floats));
  const x = rows as Float32Array<ArrayBuffer>;
  const found =
    Q === 1
      ? await searchCodes(x, codebooks[0] as Float32Array, dim, metric)
      : await searchLayers(x, codebooks, dim, beam, beamWeights); // [N, Q]

  let sum: np.Array | undefined;
  const entered: (np.Array | undefined)[] = [];
  const { createResidualPass } = await passModule();
  const pass = await createResidualPass(
    { vectors: x, indices: found, codebooks, dim },
    {
      sum: (view) => {
        sum = np.array(view, { shape: [N, dim] });
      },
      residual: (layer, view) => {
        if (layers[layer]?.replacesDeadCodes) entered[layer] = np.array(view, { shape: [N, dim] });
      },
    },
  );
  const indices = np.array(found, { shape: [N, Q] });
  const states = pass.stats.map(({ counts, sums }, layer) => {
    const own = entered[layer];
    return quantizer.move(layer, {
      statistics: {
        counts: np.array(new Float32Array(counts)),
        sums: np.array(sums, { shape: [counts.length, dim] }),
      },
      ...(own && { replacements: { vectors: own, indices: indices.ref.slice([], layer) } }),
    });
  });
  return {
    indices,
    sum: sum as unknown as np.Array,
    errors: pass.errors.map((error) => error / (N * dim)),
    states,
    async back(gradient, errorGradients) {
      const weights = errorGradients.map((each) => (2 * each) / (N * dim));
      let home: np.Array | undefined;
      const given = await floats(gradient);
      try {
        const { rotates } = layers[0] as PlainLayer;
        await pass.back(given, weights, rotates, (view) => {
          home = np.array(view, { shape: [N, dim] });
        });
      } finally {
        pass.dispose();
      }
      return home as unknown as np.Array;
    },
    dispose: () => pass.dispose(),
  };
}
