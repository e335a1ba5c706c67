type Jax = typeof import("@jax-js/jax");
type Search = typeof import("../../packages/vector-quantize/src/search/shader.ts");
type ResidualSearch =
  typeof import("../../packages/vector-quantize/src/quantizers/residual/shader.ts") &
    typeof import("../../packages/vector-quantize/src/quantizers/residual/beamOnShaders.ts");

/** Float32 numbers, by their bytes in base 64: NaN and infinities go through. */
export type Packed = string;

export const packed = (numbers: Float32Array): Packed =>
  Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength).toString("base64");

/** A search of vectors `[N, D]` in codes `[K, D]`, or in several layers of them. */
export interface SearchOrder {
  readonly metric: "euclidean" | "cosine";
  readonly dim: number;
  readonly vectors: Packed;
  readonly layers: readonly Packed[];
  /** So many nearest codes, of one layer. Default 1. */
  readonly k?: number;
  /** Sequences that are kept, in several layers. Default 1. */
  readonly beam?: number;
  /** How often it is done; the answer is that of the last time. Default 1. */
  readonly times?: number;
}

export interface SearchAnswer {
  readonly indices: number[];
  /** Rows that the device left open. */
  readonly decided: number;
  /** Buffers that were made and not destroyed between the fifth and the last time. */
  readonly buffersLeft: number;
  /** Most bytes in buffers that were there at once, beside those of vectors and codes. */
  readonly bytes: number;
}

/** Searches in a page. It is sent there as text, so it uses nothing around it. */
export async function searchInPage(
  jax: Jax,
  shaders: Search & ResidualSearch,
  { metric, dim, vectors, layers, k = 1, beam = 1, times = 1 }: SearchOrder,
): Promise<SearchAnswer> {
  const { numpy: np, tree } = jax;
  await jax.init("webgpu");
  jax.defaultDevice("webgpu");
  const numbers = (text: Packed) =>
    new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  const array = (values: Float32Array<ArrayBuffer>) =>
    np.array(values, { shape: [values.length / dim, dim] });
  const host = layers.map(numbers);
  const [x, books] = [array(numbers(vectors)), host.map(array)];
  const device = jax.getWebGPUDevice();
  const make = device.createBuffer.bind(device);
  let [buffers, held, bytes] = [0, 0, 0];
  device.createBuffer = (descriptor) => {
    const buffer = make(descriptor);
    // jax-js leaves its uniforms to the collection of garbage, 256 bytes each.
    if (descriptor.usage === 64) return buffer;
    const destroy = buffer.destroy.bind(buffer);
    buffers++;
    held += buffer.size;
    bytes = Math.max(bytes, held);
    buffer.destroy = () => {
      buffers--;
      held -= buffer.size;
      destroy();
    };
    return buffer;
  };
  const search = () => {
    const codes = () => (books[0] as typeof x).ref;
    if (k > 1) return shaders.nearestTopKOnShaders(x.ref, codes(), metric, k);
    if (books.length === 1) return shaders.nearestOnShaders(x.ref, codes(), metric);
    const inBeam = {
      codebooks: books,
      beam,
      beamWeights: books.map(() => 1),
      host: async () => host,
    };
    return beam > 1
      ? shaders.beamOnShaders(x, inBeam, books.length)
      : shaders.residualOnShaders(x, books, async () => host, books.length);
  };
  try {
    let answer: Pick<SearchAnswer, "indices" | "decided"> = { indices: [], decided: 0 };
    let before = 0;
    for (let time = 0; time < times; time++) {
      if (time === 4) before = buffers;
      const { indices, decided } = await search();
      answer = { indices: [...(await indices.data())], decided };
    }
    return { ...answer, buffersLeft: times > 5 ? buffers - before : 0, bytes };
  } finally {
    device.createBuffer = make;
    tree.dispose([x, books]);
  }
}

type Statistics = typeof import("../../packages/vector-quantize/src/codebook/statistics.ts");

/** Vectors `[N, D]` and their codes. */
export interface StatisticsOrder {
  readonly dim: number;
  readonly codes: number;
  readonly vectors: Packed;
  readonly indices: readonly number[];
}

/** Counts and sums of codes in a page, and text as `searchInPage`. */
export async function sumsInPage(
  jax: Jax,
  { statisticsOnShaders }: Statistics,
  { dim, codes, vectors, indices }: StatisticsOrder,
): Promise<{ counts: number[]; sums: number[] }> {
  const { numpy: np, tree } = jax;
  await jax.init("webgpu");
  jax.defaultDevice("webgpu");
  const bytes = Uint8Array.from(atob(vectors), (letter) => letter.charCodeAt(0));
  const shape = [indices.length, dim];
  const x = np.array(new Float32Array(bytes.buffer), { shape });
  const at = np.array(new Int32Array(indices), { dtype: np.int32 });
  const [found] = await statisticsOnShaders([{ vectors: x, indices: at }], codes);
  tree.dispose([x, at]);
  if (!found) throw new Error("no statistics");
  return { counts: [...(await found.counts.data())], sums: [...(await found.sums.data())] };
}

type KMeans = typeof import("../../packages/vector-quantize/src/codebook/kmeans.ts");

/** K-means on WebGPU by the shaders and in a graph: the means of each. Text as `searchInPage`. */
export async function clustersInPage(
  jax: Jax,
  { clusters, clustersInGraph }: KMeans,
  {
    dim,
    vectors,
    K,
    metric,
  }: { dim: number; vectors: Packed; K: number; metric: "euclidean" | "cosine" },
): Promise<{ shaders: number[]; graph: number[]; counts: number[] }> {
  const { numpy: np, random, tree } = jax;
  await jax.init("webgpu");
  jax.defaultDevice("webgpu");
  const bytes = Uint8Array.from(atob(vectors), (letter) => letter.charCodeAt(0));
  const numbers = new Float32Array(bytes.buffer);
  const x = np.array(numbers, { shape: [numbers.length / dim, dim] });
  const usable = np.arange(numbers.length / dim).less(np.array(numbers.length / dim - 3));
  const how = () => ({ K, iterations: 5, metric, key: random.key(4), warn: () => {} });
  const byShaders = await clusters(x.ref, usable.ref, how());
  const byGraph = await clustersInGraph(x, usable, how());
  tree.dispose(byGraph.counts);
  return {
    shaders: [...(await byShaders.means.data())],
    graph: [...(await byGraph.means.data())],
    counts: [...(await byShaders.counts.data())],
  };
}

type Entrances = typeof import("../../packages/vector-quantize/src/entrances/index.ts") &
  typeof import("../../packages/vector-quantize/src/entrances/nn.ts") &
  typeof import("../../packages/vector-quantize/src/entrances/train.ts");

export interface StepsAnswer {
  /** Bytes of the largest buffer that was made. */
  readonly largest: number;
  /** Buffers that were made and not destroyed in the second half of the steps. */
  readonly buffersLeft: number;
  readonly losses: number[];
  /** Largest difference of a training pass from `apply`, over output, loss and state. */
  readonly passIsOff: number;
}

type Config = import("../../packages/vector-quantize/src/quantizers/contract.ts").QuantizerConfig;

/** Training steps of a quantizer of vectors, between two linear layers. */
export interface StepsOrder {
  readonly config: Config;
  readonly rows: number;
  readonly steps: number;
}

/** Training steps on WebGPU, and what they hold. Text as `searchInPage`. */
export async function stepsInPage(
  jax: Jax,
  library: Entrances,
  { config, rows, steps }: StepsOrder,
): Promise<StepsAnswer> {
  const { numpy: np, random, tree } = jax;
  await jax.init("webgpu");
  jax.defaultDevice("webgpu");
  const device = jax.getWebGPUDevice();
  const make = device.createBuffer.bind(device);
  let [buffers, largest] = [0, 0];
  device.createBuffer = (descriptor) => {
    const buffer = make(descriptor);
    // jax-js leaves its uniforms to the collection of garbage, 256 bytes each.
    if (descriptor.usage === 64) return buffer;
    const destroy = buffer.destroy.bind(buffer);
    buffers++;
    largest = Math.max(largest, buffer.size);
    buffer.destroy = () => {
      buffers--;
      destroy();
    };
    return buffer;
  };
  const quantizer = library.quantizerFromConfig(config);
  const { dim } = quantizer;
  const linear = (inFeatures: number) => library.linear({ inFeatures, outFeatures: dim });
  const outputs = config.type === "binaryMapper" ? 2 ** dim : dim;
  const model = library.sequential([linear(dim), quantizer, linear(outputs)]);
  const trainer = library.createTrainer(model, { optimizer: library.sgd(0.1) });
  const batch = np.sin(np.arange(rows * dim).astype(np.float32)).reshape([rows, dim]);
  let state = trainer.init(random.key(0));
  const losses: number[] = [];
  let before = 0;
  for (let step = 0; step < steps; step++) {
    const result = await trainer.trainStep(state, batch.ref);
    state = result.state;
    const { loss, ...rest } = result.metrics;
    losses.push((await loss.data())[0] as number);
    tree.dispose(rest as never);
    // In the first steps jax-js makes the buffers that it uses again from then on.
    if (2 * step + 2 === steps) before = buffers;
  }
  const buffersLeft = buffers - before;
  const found = { largest, buffersLeft, losses };

  const variables = quantizer.init(random.key(1));
  const own = () => tree.ref(variables as never) as typeof variables;
  const options = () => ({ key: random.key(2) });
  const run = library.createTrainingPass(quantizer as never);
  const pass = await run(own() as never, batch.ref, options());
  const known = quantizer.apply(own(), batch.ref, { training: true, ...options() });
  const leaves = (of: object) => tree.leaves(of as never) as unknown as (typeof batch)[];
  const theirs = leaves(known);
  let passIsOff = 0;
  for (const [at, ours] of leaves(pass.quantized).entries()) {
    const numbers = await (theirs[at] as typeof batch).data();
    for (const [i, value] of (await ours.data()).entries()) {
      passIsOff = Math.max(passIsOff, Math.abs(value - (numbers[i] as number)));
    }
  }
  pass.dispose();
  tree.dispose([state.variables, variables, batch] as never);
  return { ...found, passIsOff };
}
