import { numpy as np, tree } from "@jax-js/jax";
import type { CodeStatistics } from "../codebook/averages.ts";
import type { Replacements } from "../codebook/deadCodes.ts";
import type { Scope } from "../kernels/engine/memory.ts";
import type { MemorySearch } from "../kernels/search/memorySearch.ts";
import { type Layout, positionShape } from "../layout/layout.ts";
import { lazy } from "../lazy.ts";
import { passage } from "../passage.ts";
import type { Metric } from "../search/graph.ts";
import { floats, withCodes } from "../search/kernel.ts";
import type { ArrayTree } from "../tree.ts";
import type { TrainingPass, Variables } from "./contract.ts";
import { type SearchedLayers, withLayers } from "./residual/kernel.ts";
import type { VectorQuantizeState, VectorQuantizeVariables } from "./vectorQuantize/books.ts";

const passModule = lazy(() => import("../kernels/residual/residualPass.ts"));

/** What a step brings to one layer. */
export interface LayerBatch {
  statistics: CodeStatistics;
  /** Where the layer replaces dead codes: what entered it, and its indices. */
  replacements?: Omit<Replacements, "key">;
}

/** A codebook whose training step comes to a plain search in it; see `trainsPlainly`. */
export interface PlainCodebook {
  /** Whether gradients turn with the rotation trick, in all layers alike; else they pass straight through. */
  readonly rotates: boolean;
  readonly replacesDeadCodes: boolean;
  readonly commitmentWeight: number;
  /** The state after a step in which the codes got `batch`. Takes ownership. */
  move(
    variables: VectorQuantizeVariables,
    batch: LayerBatch,
    key: np.Array | undefined,
  ): VectorQuantizeState;
}

/**
 * A quantizer of plain layers, which compare vectors to just their codes, one after another on what is
 * left; what leads into them and out of them.
 */
export interface PlainQuantizer<Params extends ArrayTree, State extends ArrayTree>
  extends Omit<SearchedLayers<np.Array>, "codebooks"> {
  readonly layout: Layout;
  readonly layers: readonly PlainCodebook[];
  /** For `cosine` there is one layer, of vectors and codes of unit length. */
  readonly metric: Metric;
  /** Shape of the losses: `[]`, or `[Q]`. */
  readonly lossShape: number[];
  shapeOfIndices(positions: readonly number[]): number[];
  /** The codes of each layer, `[K, C]`. */
  codebooks(variables: Variables<Params, State>): np.Array[];
  /** Traced: to the vectors that enter the first layer, `[N, C]`. */
  enter(params: Params, x: np.Array): np.Array;
  /** Traced: to the output at `positions` from the sum of the codes, `[N, C]`. */
  leave(params: Params, sum: np.Array, positions: number[]): np.Array;
  /** A layer's own, borrowed. */
  variablesAt(variables: Variables<Params, State>, layer: number): VectorQuantizeVariables;
  /** A key for each layer, and some more. Takes ownership. */
  keysOf(key: np.Array): np.Array[];
  /** The state after the step, from those of the layers. */
  stateOf(layers: VectorQuantizeState[]): State;
}

/** The training pass of a quantizer of plain layers on the kernels. It borrows its arguments. */
export function plainPass<Params extends ArrayTree, State extends ArrayTree>(
  quantizer: PlainQuantizer<Params, State>,
) {
  const { layout, layers, lossShape } = quantizer;
  type Entering = { params: Params; x: np.Array };
  type Leaving = { params: Params; sum: np.Array };
  const { forward: enter, backward: goHome } = passage(({ params, x }: Entering) =>
    quantizer.enter(params, x),
  )({});
  const leaveAt = passage(({ params, sum }: Leaving, { positions }: { positions: number[] }) =>
    quantizer.leave(params, sum, positions),
  );
  const weights = layers.map(({ commitmentWeight }) => commitmentWeight);
  const perLayer = (values: number[]) => np.array(values).reshape(lossShape);
  const none = () => np.zeros(lossShape);
  const own = <Tree>(given: Tree): Tree => tree.ref(given as never) as Tree;

  return async (
    variables: Variables<Params, State>,
    x: np.Array,
    key: np.Array | undefined,
  ): Promise<TrainingPass<Params, State>> => {
    const positions = positionShape(x.shape, layout);
    const leave = leaveAt({ positions });
    const keys = key ? quantizer.keysOf(key.ref) : [];
    const entering: Entering = own({ params: variables.params, x });
    const move = (layer: number, batch: LayerBatch) => {
      const { params, state } = quantizer.variablesAt(variables, layer);
      return (layers[layer] as PlainCodebook).move(
        tree.ref({ params, state }),
        batch,
        keys[layer]?.ref,
      );
    };
    const pass = await passThroughLayers(enter(own(entering)), quantizer, {
      codebooks: quantizer.codebooks(own(variables)),
      move,
    })
      .catch((error) => {
        tree.dispose(entering as never);
        throw error;
      })
      .finally(() => tree.dispose(keys));
    const leaving: Leaving = { params: own(variables.params), sum: pass.sum };
    const commitment = pass.errors.map((error, q) => (weights[q] === 0 ? 0 : error));
    return {
      quantized: {
        quantized: leave.forward(own(leaving)),
        indices: pass.indices.reshape(quantizer.shapeOfIndices(positions)),
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
        const { params: inner, x: home } = goHome(entering, await pass.back(sum, ofErrors));
        const add = (a: np.Array, b: np.Array) => a.add(b);
        return { params: tree.map(add, inner as never, outer as never) as Params, x: home };
      },
      dispose() {
        tree.dispose([entering, leaving] as never);
        pass.dispose();
      },
    };
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
  readonly states: VectorQuantizeState[];
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
async function passThroughLayers(
  vectors: np.Array,
  quantizer: Pick<PlainQuantizer<never, never>, "metric" | "layers" | "beam" | "beamWeights">,
  step: {
    readonly codebooks: readonly np.Array[];
    /** The state of a layer after the step. */
    move(layer: number, batch: LayerBatch): VectorQuantizeState;
  },
): Promise<KernelPass> {
  const shape = vectors.shape as [number, number];
  const [N, dim] = shape;
  const { metric, layers } = quantizer;
  const { createResidualPass, inMemory } = await passModule();
  const [x, ...codebooks] = await Promise.all([vectors, ...step.codebooks].map(floats));
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
        return step.move(layer, {
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
        const { rotates } = layers[0] as PlainCodebook;
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
