import type { numpy as np } from "@jax-js/jax";

type Jax = typeof import("@jax-js/jax");
type Entrances = typeof import("../../packages/vector-quantize/src/entrances/index.ts") &
  typeof import("../../packages/vector-quantize/src/entrances/nn.ts") &
  typeof import("../../packages/vector-quantize/src/entrances/train.ts");
type Given = { params: never; state: never };
type Config = import("../../packages/vector-quantize/src/quantizers/contract.ts").QuantizerConfig;

/** An array as plain numbers. */
export interface HostArray {
  readonly shape: number[];
  readonly dtype: "float32" | "int32" | "uint32";
  readonly data: number[];
}

/** A tree of arrays as plain numbers, its records in their order. */
export type HostTree =
  | { readonly array: HostArray }
  | { readonly list: boolean; readonly entries: readonly (readonly [string, HostTree])[] };

/** What a page is asked to do. */
export interface Order {
  readonly device: "wasm" | "webgpu";
  readonly config: Config;
  readonly vectors: number;
  /** How many vectors are encoded beside, of all kinds. */
  readonly many: number;
  /** Whether gradients are taken outside of jit too: as long again, and the same programs. */
  readonly eager: boolean;
  /** Codes are asked for alone, of vectors of all kinds by variables fitted on such. */
  readonly codesAlone?: boolean;
  /** Of each kind of vectors, halfway between two outputs, `[many / 4, D]`; made and given back where missing. */
  readonly halfway?: readonly (readonly number[])[];
  /** The variables fitted on each kind of vectors; made and given back where missing. */
  readonly variables?: readonly HostTree[];
}

/** What each call put out, by its name: the leaves of the result, or what was thrown. */
export type Answer = {
  readonly variables: readonly HostTree[];
  readonly halfway: readonly (readonly number[])[];
  readonly calls: Record<string, HostArray[] | string>;
};

/** Runs the calls of the table in a page. It is sent there as text, so it uses nothing around it. */
export async function answer(jax: Jax, library: Entrances, order: Order): Promise<Answer> {
  const { numpy: np, random, tree, valueAndGrad } = jax;
  const { config, device, vectors } = order;
  if (!(await jax.init(device)).includes(device)) throw new Error(`there is no ${device}`);
  jax.defaultDevice(device);
  const quantizer = library.quantizerFromConfig(config);
  const images = config.layout === "image" || config.type === "hierarchicalVQ";

  const toHost = async (values: unknown): Promise<HostArray[]> =>
    Promise.all(
      (tree.leaves(values as never) as np.Array[]).map(async (leaf) => {
        const { shape, dtype } = leaf;
        return { shape, dtype: dtype as HostArray["dtype"], data: [...(await leaf.data())] };
      }),
    );
  const toHostTree = async (values: unknown): Promise<HostTree> => {
    if (values instanceof np.Array) return { array: (await toHost(values))[0] as HostArray };
    const entries = Object.entries(values as object).map(
      async ([name, value]) => [name, await toHostTree(value)] as const,
    );
    return { list: Array.isArray(values), entries: await Promise.all(entries) };
  };
  const toTree = (values: HostTree): unknown => {
    if ("array" in values) {
      const { shape, dtype, data } = values.array;
      const kind = { float32: Float32Array, int32: Int32Array, uint32: Uint32Array }[dtype];
      return np.array(new kind(data), { shape, dtype: dtype as never });
    }
    const entries = values.entries.map(([name, value]) => [name, toTree(value)] as const);
    return values.list ? entries.map(([, value]) => value) : Object.fromEntries(entries);
  };
  /** Rows of vectors as an input, four rows of images or of positions. */
  const shaped = (numbers: readonly number[]) => {
    const count = numbers.length / quantizer.dim;
    const x = np.array(new Float32Array(numbers), { shape: [count, quantizer.dim] });
    if (!images) return x.reshape([4, count / 4, quantizer.dim]);
    return x.reshape([count / 16, 4, 4, quantizer.dim]).transpose([0, 3, 1, 2]);
  };
  type Kind = (value: number, at: number) => number;
  const plain: Kind = (value) => value;
  const far: Kind = (value) => value + 1000;
  const clustered: Kind = (value, at) => Math.sin(at % (8 * quantizer.dim)) + value * 1e-3;
  const kinds = [plain, far, clustered];
  /** The same numbers on every device, of a kind: sums of four uniform ones. */
  const drawn = (seed: number, count: number, kind: Kind) => {
    let word = seed;
    const uniform = () => {
      word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
      return word / 2 ** 32;
    };
    return Array.from({ length: count * quantizer.dim }, (_, at) =>
      kind((uniform() + uniform() + uniform() + uniform() - 2) * 2, at),
    );
  };
  /** Some rows spoilt if asked. */
  const input = (seed: number, spoilt: readonly number[] = [], count = vectors, kind = plain) =>
    shaped(
      drawn(seed, count, kind).map((value, at) => {
        const bad = spoilt[Math.floor(at / quantizer.dim) / 7];
        return bad !== undefined && (at % quantizer.dim) % 2 === 0 ? bad : value;
      }),
    );
  const key = () => np.array(new Uint32Array([7, 9]), { dtype: np.uint32 });

  /** The same weights on every device for a loss of what comes out. */
  const weights = (shape: number[]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const wave = Float32Array.from({ length: size }, (_, at) => Math.sin(at * at));
    return np.array(wave, { shape });
  };

  const ofKinds = async <T>(make: (kind: Kind, at: number) => Promise<T>): Promise<T[]> => {
    const made: T[] = [];
    for (const kind of order.codesAlone ? kinds : [plain]) made.push(await make(kind, made.length));
    return made;
  };
  const fitted = async (kind: Kind) => {
    const x = input(3, [], vectors, kind);
    return toHostTree(await quantizer.fit(quantizer.init(random.key(0)), x, { warn: () => {} }));
  };
  const variables = order.variables ?? (await ofKinds(fitted));
  const start = (kind = 0) => toTree(variables[kind] as HostTree) as Given;

  const loss = (params: Given["params"], state: Given["state"], x: np.Array, key: np.Array) => {
    const out = quantizer.apply({ params, state }, x, { training: true, key });
    tree.dispose([out.indices, out.losses] as never);
    const passed = np.sum(out.quantized.ref.mul(weights(out.quantized.shape)));
    out.quantized.dispose();
    return [passed.add(np.sum(out.loss)), out.state];
  };
  const gradients = (run: (f: never) => unknown) => {
    const { params, state } = start();
    const argnums = tree.leaves(params as never).length > 0 ? [0, 2] : [2];
    const differentiated = run(valueAndGrad(loss as never, { argnums, hasAux: true }) as never);
    return (differentiated as (...given: unknown[]) => unknown)(params, state, input(1), key());
  };

  const steps = async () => {
    const { dim } = quantizer;
    const outputs = config.type === "binaryMapper" ? 2 ** dim : dim;
    const model = library.sequential([
      library.linear({ inFeatures: dim, outFeatures: dim }),
      quantizer,
      library.linear({ inFeatures: outputs, outFeatures: dim }),
    ]);
    const trainer = library.createTrainer(model, { optimizer: library.sgd(0.1) });
    const square = (rows: number, columns: number) => ({
      weight: weights([rows, columns]),
      bias: np.zeros([columns]),
    });
    const { params, state: own } = start();
    let state = trainer.start(
      {
        params: { encoder: [square(dim, dim)], quantizer: params, decoder: [square(outputs, dim)] },
        state: own,
      },
      key(),
    );
    const metrics: unknown[] = [];
    for (let step = 0; step < 3; step++) {
      const result = await trainer.trainStep(state, input(1));
      state = result.state;
      metrics.push(result.metrics);
    }
    return [metrics, state.variables];
  };

  const part = order.many / 4;
  /** Outputs of vectors, each mixed with the next: as far from one code as from another. */
  const midpoints = async (kind: Kind, at: number) => {
    const { quantized, ...rest } = quantizer.apply(start(at), input(5, [], part, kind));
    tree.dispose(rest as never);
    const rows = images ? np.moveaxis(quantized, 1, -1) : quantized;
    const flat = rows.reshape([part, quantizer.dim]);
    return [
      ...(await flat.ref
        .add(np.roll(flat, 1, 0))
        .mul(0.5)
        .data()),
    ];
  };
  // What `binaryMapper` puts out is no input of its own.
  const halfway = order.halfway ?? (config.type === "binaryMapper" ? [] : await ofKinds(midpoints));
  /** Codes of vectors of a kind, by the variables fitted on such, and of those halfway between two. */
  const manyCodes = (own: readonly number[], kind: number) => {
    const between = halfway[kind] ?? [];
    const rest = between.length > 0 ? between : drawn(14, part, plain);
    return quantizer.encode(start(kind), shaped([...own, ...rest]));
  };

  const spoilt = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const training = () => ({ training: true, key: key() });
  const ofAllKinds = kinds.flatMap((kind, at) => drawn(11 + at, part, kind));
  const codesOfKinds: Record<string, () => unknown> = {
    "codes of all kinds": () => manyCodes(ofAllKinds, 0),
    "codes far from the origin": () => manyCodes(drawn(15, 3 * part, far), 1),
    "codes in clusters": () => manyCodes(drawn(16, 3 * part, clustered), 2),
  };
  const calls: Record<string, () => unknown> = {
    apply: () => quantizer.apply(start(), input(1)),
    encode: () => quantizer.encode(start(), input(1)),
    training: () => quantizer.apply(start(), input(1), training()),
    ...(order.eager && { gradients: () => gradients((f) => f) }),
    "gradients under jit": () => gradients((f) => jax.jit(f)),
    update: async () => {
      const [variables, x] = [start(), input(1)];
      const indices = await quantizer.encode(tree.ref(variables as never), x.ref);
      return quantizer.update(variables, x, indices, { key: key() });
    },
    "many codes": () => manyCodes(ofAllKinds, 0),
    "rows that are not finite": () => quantizer.apply(start(), input(1, spoilt)),
    "their codes": () => quantizer.encode(start(), input(1, spoilt)),
    "training on them": () => quantizer.apply(start(), input(1, spoilt), training()),
    ...(!images && { "three steps": steps }),
  };
  const found: Answer["calls"] = {};
  for (const [name, call] of Object.entries(order.codesAlone ? codesOfKinds : calls)) {
    try {
      found[name] = await toHost(await call());
    } catch (error) {
      found[name] = String(error);
    }
  }
  return { variables, halfway, calls: found };
}
