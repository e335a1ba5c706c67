import { numpy as np, tree } from "@jax-js/jax";
import type { CodeStatistics } from "../codebook/averages.ts";
import type { Replacements } from "../codebook/deadCodes.ts";
import type { Scope } from "../kernels/engine/memory.ts";
import type { MemorySearch } from "../kernels/search/memorySearch.ts";
import { lazy } from "../lazy.ts";
import type { Passage } from "../passage.ts";
import type { Metric } from "../search/graph.ts";
import { floats, withCodes } from "../search/kernel.ts";
import type { ArrayTree } from "../tree.ts";
import type { TrainingPass, Variables } from "./contract.ts";
import { type SearchedLayers, withLayers } from "./residual/kernel.ts";

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
export interface PlainQuantizer<Params extends ArrayTree, State extends ArrayTree>
  extends SearchedLayers<np.Array> {
  /** For `cosine` there is one layer, of vectors and codes of unit length. */
  readonly metric: Metric;
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
 *
 * Arrays go into the kernels' memory and come out of it here alone: what lies in between is
 * `createResidualPass`.
 */
async function passThroughLayers<Params extends ArrayTree, State extends ArrayTree>(
  vectors: np.Array,
  quantizer: PlainQuantizer<Params, State>,
): Promise<KernelPass> {
  const shape = vectors.shape as [number, number];
  const [N, dim] = shape;
  const { metric, layers } = quantizer;
  const { createResidualPass, inMemory } = await passModule();
  const [x, ...codebooks] = await Promise.all([vectors, ...quantizer.codebooks].map(floats));
  const search = (use: (found: object) => Promise<KernelPass>) =>
    layers.length === 1
      ? withCodes(codebooks[0] as Float32Array, dim, metric, use)
      : withLayers({ ...quantizer, codebooks }, dim, use);

  const run = async (search: MemorySearch, held: Scope, passing: Scope): Promise<KernelPass> => {
    const { pool } = search;
    const { memory } = pool;
    const [at, sum] = [held.allocate(4 * N * dim), held.allocate(4 * N * dim)];
    const array = (view: Float32Array) => np.array(view, { shape });
    /** Brings rows to an address while the kernel is at work on those before. */
    const fillFrom = (rows: Float32Array | undefined, to: number) => (begin: number, end: number) =>
      memory.write(to + 4 * begin * dim, (rows as Float32Array).subarray(begin * dim, end * dim));
    const entered: (np.Array | undefined)[] = [];
    const pass = await createResidualPass(
      {
        search,
        vectors: { rows: N, at, fill: fillFrom(x, at) },
        sum,
        entered(layer, view) {
          if (layers[layer]?.replacesDeadCodes) entered[layer] = array(view);
        },
      },
      held,
      passing,
    );
    const indices = np.array(memory.i32(pass.indices, N * layers.length), {
      shape: [N, layers.length],
    });
    const free = () => {
      pool.exclusive(() => held.free()).catch(() => {}); // a pool that is disposed of has no memory
    };
    return {
      indices,
      sum: array(memory.f32(sum, N * dim)),
      errors: pass.errors.map((error) => error / (N * dim)),
      states: pass.stats.map(({ counts, sums }, layer) => {
        const own = entered[layer];
        return quantizer.move(layer, {
          statistics: {
            counts: np.array(new Float32Array(counts)),
            sums: np.array(sums, { shape: [counts.length, dim] }),
          },
          ...(own && { replacements: { vectors: own, indices: indices.ref.slice([], layer) } }),
        });
      }),
      async back(gradient, errorGradients) {
        const given = await floats(gradient);
        const weights = errorGradients.map((each) => (2 * each) / (N * dim));
        const { rotates } = layers[0] as PlainLayer;
        const fill = fillFrom(given, sum);
        const way = { gradient: sum, fill, weights, rotates, to: at };
        try {
          return await pool.exclusive(async (scope) => {
            await pass.back(way, scope);
            return array(memory.f32(at, N * dim));
          });
        } finally {
          free();
        }
      },
      dispose: free,
    };
  };

  return search((found) => {
    const inside = inMemory(found);
    const { memory } = inside.pool;
    return inside.pool.exclusive((passing) => memory.hold((held) => run(inside, held, passing)));
  });
}
