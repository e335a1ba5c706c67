import { numpy as np, tree } from "@jax-js/jax";
import type { CodeStatistics } from "../codebook/averages.ts";
import { type DrawnRows, drawOnHost } from "../codebook/deadCodes.ts";
import type { Scope } from "../kernels/engine/memory.ts";
import type { Pool } from "../kernels/engine/pool.ts";
import type { ResidualPassBack } from "../kernels/residual/residualPass.ts";
import type { MemoryRows, MemorySearch } from "../kernels/search/memorySearch.ts";
import { type Layout, positionShape } from "../layout/layout.ts";
import { lazy } from "../lazy.ts";
import { passage } from "../passage.ts";
import type { Metric } from "../search/graph.ts";
import { floats, withCodes } from "../search/kernel.ts";
import type { ArrayTree } from "../tree.ts";
import type { Quantized, Quantizer, Variables } from "./contract.ts";
import { type SearchedLayers, withLayers } from "./residual/kernel.ts";
import type { VectorQuantizeState, VectorQuantizeVariables } from "./vectorQuantize/books.ts";

const passModule = lazy(() => import("../kernels/residual/residualPass.ts"));

/** What a step brings to one layer. */
export interface LayerBatch {
  statistics: CodeStatistics;
  /** Where the layer replaces dead codes: draws `count` of the vectors that entered it. Borrows the key. */
  draw?(key: np.Array, count: number): Promise<DrawnRows>;
}

/** A codebook whose training step comes to a search in it; see `trainsBySearch`. */
export interface SearchedCodebook {
  /** Whether gradients turn with the rotation trick, in all layers alike; else they pass straight through. */
  readonly rotates: boolean;
  readonly replacesDeadCodes: boolean;
  readonly commitmentWeight: number;
  /** The state after a step in which the codes got `batch`. Takes ownership. */
  move(
    variables: VectorQuantizeVariables,
    batch: LayerBatch,
    key: np.Array | undefined,
  ): Promise<VectorQuantizeState>;
}

/**
 * A quantizer of layers with codebooks, which compare vectors to just their codes, one after another on what is
 * left; what leads into them and out of them.
 */
export interface SearchedQuantizer<Params extends ArrayTree, State extends ArrayTree>
  extends Omit<SearchedLayers<np.Array>, "codebooks"> {
  readonly layout: Layout;
  /** Whether vectors enter and leave as they lie, so that `enter` and `leave` are changes of shape. */
  readonly direct: boolean;
  readonly layers: readonly SearchedCodebook[];
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
  /** Throws unless there is a key where one is needed. */
  checkKey(key: np.Array | undefined): void;
  /** A key for each layer, and some more. Takes ownership. */
  keysOf(key: np.Array): np.Array[];
  /** The state after the step, from those of the layers. */
  stateOf(layers: VectorQuantizeState[]): State;
}

/** The training passes of a quantizer of layers with codebooks on the kernels. They borrow their arguments. */
export function searchedPasses<Params extends ArrayTree, State extends ArrayTree>(
  quantizer: SearchedQuantizer<Params, State>,
): Pick<Quantizer<Params, State>, "pass" | "passInMemory" | "findInMemory"> {
  const { layout, layers, lossShape, metric } = quantizer;
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

  /** Runs `use` with a search in the codes, inside `exclusive`. */
  async function searching<T>(
    variables: Variables<Params, State>,
    dim: number,
    use: (search: MemorySearch, held: Scope, passing: Scope) => Promise<T>,
  ): Promise<T> {
    const { inMemory } = await passModule();
    const codebooks = await Promise.all(quantizer.codebooks(own(variables)).map(floats));
    const inside = (search: object) => {
      const found = inMemory(search);
      const { pool } = found;
      return pool.exclusive((passing) => pool.memory.hold((held) => use(found, held, passing)));
    };
    return layers.length === 1
      ? withCodes(codebooks[0] as Float32Array, dim, metric, inside)
      : withLayers({ ...quantizer, codebooks }, dim, inside);
  }

  /** Search, codebook update, output and errors of vectors in the kernels' memory, and the way back. */
  async function passAt(
    { search, vectors, sum }: Places,
    variables: Variables<Params, State>,
    { key, known }: { key: np.Array | undefined; known?: Int32Array },
    [held, passing]: readonly [Scope, Scope],
  ): Promise<KernelPass<State>> {
    const { createResidualPass, drawUniform } = await passModule();
    const { pool, dim } = search;
    const { rows } = vectors;
    const entered: (Float32Array | undefined)[] = [];
    const pass = await createResidualPass(
      {
        search,
        vectors,
        sum,
        indices: known,
        entered(layer, view) {
          if (layers[layer]?.replacesDeadCodes) entered[layer] = view.slice();
        },
      },
      held,
      passing,
    );
    const found = pool.memory.i32(pass.indices, rows * layers.length).slice();
    const indices = np.array(found, { shape: [rows, layers.length] });
    using keys = keysFor(key);
    const states: VectorQuantizeState[] = [];
    for (const [layer, { counts, sums }] of pass.stats.entries()) {
      const { params, state } = quantizer.variablesAt(variables, layer);
      const vectors = entered[layer];
      const batch: LayerBatch = {
        statistics: {
          counts: np.array(new Float32Array(counts)),
          sums: np.array(sums, { shape: [counts.length, dim] }),
        },
        ...(vectors && {
          async draw(key, count) {
            const turns = await drawUniform(pool, await wordsOf(key.ref), rows);
            const own = new Int32Array(rows);
            for (let n = 0; n < rows; n++) own[n] = found[n * layers.length + layer] as number;
            return drawOnHost({ vectors, turns, indices: own }, count);
          },
        }),
      };
      const own = keys.all[layer]?.ref;
      states.push(
        await (layers[layer] as SearchedCodebook).move(tree.ref({ params, state }), batch, own),
      );
    }
    const dispose = () => {
      pool.exclusive(() => held.free()).catch(() => {}); // a pool that is disposed of has no memory
    };
    return {
      pool,
      indices,
      errors: pass.errors.map((error) => error / (rows * dim)),
      state: quantizer.stateOf(states),
      dispose,
      async back(byErrors, way, answer) {
        const factors = await floats(byErrors);
        const errors = weights.map((weight, q) => (2 * weight * factors[q]!) / (rows * dim));
        const { rotates } = layers[0] as SearchedCodebook;
        try {
          return await pool.exclusive(async (scope) => {
            await pass.back({ ...way, weights: errors, rotates }, scope);
            return answer();
          });
        } finally {
          dispose();
        }
      },
    };
  }

  function keysFor(key: np.Array | undefined) {
    const all = key ? quantizer.keysOf(key.ref) : [];
    return { all, [Symbol.dispose]: () => tree.dispose(all) };
  }

  /** What the quantizer reports beside its output. */
  function reportOf(pass: KernelPass<State>, positions: readonly number[]) {
    const commitment = pass.errors.map((error, q) => (weights[q] === 0 ? 0 : error));
    return {
      indices: pass.indices.reshape(quantizer.shapeOfIndices(positions)),
      loss: perLayer(commitment.map((error, q) => error * (weights[q] as number))),
      losses: {
        crossEntropy: none(),
        commitment: perLayer(commitment),
        codebookDiversity: none(),
        orthogonal: none(),
        inPlace: none(),
      },
      state: pass.state,
    } satisfies Omit<Quantized<State>, "quantized">;
  }

  const passInMemory: NonNullable<Quantizer<Params, State>["passInMemory"]> = async (
    variables,
    { shape, at, to, indices: known },
    { key } = {},
  ) => {
    quantizer.checkKey(key);
    const positions = shape.slice(0, -1);
    const { rows, dim } = sizesOf(shape);
    const given = { key, ...(known && { known }) };
    const pass = await searching(variables, dim, (search, held, passing) =>
      passAt({ search, vectors: { rows, at }, sum: to }, variables, given, [held, passing]),
    );
    return {
      report: reportOf(pass, positions),
      async back(gradients, home, part) {
        const way = { gradient: gradients.quantized, to: home, part };
        return await pass.back(gradients.loss, way, () =>
          tree.map((leaf: np.Array) => np.zerosLike(leaf), variables.params as never),
        );
      },
      dispose: () => pass.dispose(),
    };
  };

  const findInMemory: NonNullable<Quantizer<Params, State>["findInMemory"]> = async (
    variables,
    { shape, at },
  ) => {
    const { rows, dim } = sizesOf(shape);
    return searching(variables, dim, async (search, held, passing) => {
      const indices = held.allocate(4 * rows * layers.length);
      await search.find({ rows, at }, indices, passing);
      const found = search.pool.memory.i32(indices, rows * layers.length).slice();
      held.free();
      return found as Int32Array<ArrayBuffer>;
    });
  };

  return {
    async pass(variables, x, { key, indices } = {}) {
      quantizer.checkKey(key);
      const known = indices && ((await indices.ref.data()) as Int32Array);
      const positions = positionShape(x.shape, layout);
      const leave = leaveAt({ positions });
      const entering: Entering = own({ params: variables.params, x });
      using mine = handle(entering);
      const vectors = enter(own(entering));
      const shape = vectors.shape as [number, number];
      const [rows, dim] = shape;
      const size = 4 * rows * dim;
      const numbers = await floats(vectors);
      const { pass, at, sum, quantized } = await searching(
        variables,
        dim,
        async (search, held, passing) => {
          const { memory } = search.pool;
          const [at, sum] = [held.allocate(size), held.allocate(size)];
          const places = { search, vectors: { rows, at, fill: filling(search, numbers, at) }, sum };
          const given = { key, ...(known && { known }) };
          const pass = await passAt(places, variables, given, [held, passing]);
          return { pass, at, sum, quantized: np.array(memory.f32(sum, rows * dim), { shape }) };
        },
      );
      const leaving: Leaving = { params: own(variables.params), sum: quantized };
      mine.keep();
      return {
        quantized: { quantized: leave.forward(own(leaving)), ...reportOf(pass, positions) },
        async back(gradients) {
          const { params: outer, sum: bySum } = leave.backward(leaving, gradients.quantized);
          const given = await floats(bySum);
          const { memory } = pass.pool;
          const fill = filling({ pool: pass.pool, dim }, given, sum);
          const byVectors = await pass.back(gradients.loss, { gradient: sum, fill, to: at }, () =>
            np.array(memory.f32(at, rows * dim), { shape }),
          );
          const { params: inner, x: home } = goHome(entering, byVectors);
          const add = (a: np.Array, b: np.Array) => a.add(b);
          return { params: tree.map(add, inner as never, outer as never) as Params, x: home };
        },
        dispose() {
          tree.dispose([entering, leaving] as never);
          pass.dispose();
        },
      };
    },

    ...(quantizer.direct && { passInMemory, findInMemory }),
  };
}

/** How many vectors there are in an array of a shape, and of how many features. */
function sizesOf(shape: readonly number[]): { rows: number; dim: number } {
  const rows = shape.slice(0, -1).reduce((product, length) => product * length, 1);
  return { rows, dim: shape.at(-1) as number };
}

/** Where vectors lie in the kernels' memory, and where their output goes. */
interface Places {
  readonly search: MemorySearch;
  readonly vectors: MemoryRows;
  readonly sum: number;
}

/** A training step's work on vectors in the kernels' memory. */
interface KernelPass<State> {
  readonly pool: Pool;
  /** int32 `[N, Q]`. */
  readonly indices: np.Array;
  /** `mean (r_q - c_q)^2` over vectors and features, per layer. */
  readonly errors: readonly number[];
  readonly state: State;
  /**
   * What `answer` makes of the gradient of the vectors, at `to`, from that of the sum of the codes and those
   * of the errors, which it takes ownership of. May be called once.
   */
  back<T>(
    byErrors: np.Array,
    way: Omit<ResidualPassBack, "weights" | "rotates">,
    answer: () => T,
  ): Promise<T>;
  /** Gives back what the way back needs, in place of a call of `back`. */
  dispose(): void;
}

/** The two words of a key. Takes ownership. */
const wordsOf = async (key: np.Array) => (await key.data()) as Uint32Array;

/** Brings rows to an address while a kernel is at work on those before. */
const filling =
  ({ pool, dim }: Pick<MemorySearch, "pool" | "dim">, rows: Float32Array, to: number) =>
  (begin: number, end: number): void =>
    pool.memory.write(to + 4 * begin * dim, rows.subarray(begin * dim, end * dim));

/** Gives arrays up at the end of the block, unless they are kept. */
function handle(arrays: unknown) {
  let kept = false;
  return {
    keep() {
      kept = true;
    },
    [Symbol.dispose]() {
      if (!kept) tree.dispose(arrays as never);
    },
  };
}
