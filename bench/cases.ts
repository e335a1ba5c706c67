import type { CaseSizes } from "./protocol.ts";

/** A side of a case: what runs, and where. */
export interface SideName {
  /** As the peers and our own sides call it. */
  name: string;
  process:
    | "kernels"
    | "graph"
    | "layers"
    | "scalar"
    | "training"
    | "python"
    | "python with jemalloc";
}

/** One thing that all its sides compute on the same data. */
export interface Case extends CaseSizes {
  id: string;
  group:
    | "search"
    | "training step"
    | "k-means"
    | "residual"
    | "decode"
    | "scalar"
    | "layer"
    | "autoencoder";
  /** Our side, which every peer alternates with. */
  ours: string;
  /** Where our side runs. Default: "kernels". */
  oursIn?: "kernels" | "layers" | "scalar" | "training";
  peers: readonly SideName[];
  /** Whether each vector is a code with a little noise, instead of unrelated to the codes. */
  clustered?: boolean;
  /** Floating-point operations of one call, in units of 10^9. */
  gflop?: number;
  /** Whether `--quick` has it too. */
  quick: boolean;
}

const both = (name: string): SideName[] => [
  { name, process: "python" },
  { name, process: "python with jemalloc" },
];
const once = (name: string): SideName => ({ name, process: "python" });

type Shape = readonly [n: number, dim: number, codes: number];

const SHAPES: readonly Shape[] = [
  [16384, 256, 1024],
  [16384, 64, 8192],
  [65536, 8, 1024],
  [65536, 8, 16384],
  [16384, 32, 65536],
];
const QUICK: readonly Shape[] = [
  [4096, 256, 1024],
  [16384, 8, 1024],
];

const name = (parts: readonly (number | string)[]) => parts.join(" x ");

function search([n, dim, codes]: Shape, quick: boolean, clustered = false): Case {
  return {
    id: `search ${name([n, dim, codes])}${clustered ? ", clustered" : ""}`,
    clustered,
    group: "search",
    n,
    dim,
    codes,
    ours: "search",
    peers: [
      ...both("reference eval"),
      once("torch addmm+argmin"),
      once("faiss IndexFlatL2"),
      { name: "search", process: "graph" },
    ],
    gflop: (2 * n * dim * codes) / 1e9,
    quick,
  };
}

function trainingStep([n, dim, codes]: Shape, quick: boolean): Case {
  return {
    id: `training step ${name([n, dim, codes])}`,
    group: "training step",
    n,
    dim,
    codes,
    ours: "training step",
    peers: both("reference train"),
    gflop: (2 * n * dim * codes) / 1e9,
    quick,
  };
}

function kmeans([n, dim, codes]: Shape, iterations: number, quick: boolean): Case {
  return {
    id: `k-means ${name([n, dim, codes])}, ${iterations} iterations`,
    group: "k-means",
    n,
    dim,
    codes,
    iterations,
    ours: "k-means",
    peers: [...both("reference kmeans"), once("scikit-learn KMeans"), once("faiss Kmeans")],
    gflop: (2 * n * dim * codes * iterations) / 1e9,
    quick,
  };
}

function residual(n: number, beam: number, quick: boolean): Case {
  const [dim, codes, layers] = [256, 1024, 8];
  return {
    id: `residual ${name([n, dim, layers, codes])}, beam ${beam}`,
    group: "residual",
    n,
    dim,
    codes,
    layers,
    beam,
    ours: "residual",
    peers:
      beam === 1
        ? [...both("reference residual eval"), once("faiss ResidualQuantizer")]
        : [
            ...both("reference residual train"),
            once("faiss ResidualQuantizer"),
            once("faiss ResidualQuantizer, tables"),
          ],
    gflop: (2 * n * dim * codes * (1 + (layers - 1) * beam)) / 1e9,
    quick,
  };
}

/** A quantizer alone, as a training step has it: search, codebook update, output, loss, gradient. */
function layer([n, dim, codes]: Shape, quick: boolean): Case {
  return {
    id: `layer ${name([n, dim, codes])}, forward and backward`,
    group: "layer",
    n,
    dim,
    codes,
    ours: "layer forward and backward",
    oursIn: "layers",
    peers: both("reference train and backward"),
    quick,
  };
}

/** A residual quantizer without gradients, as a training step and as a service have it. */
function residualLayer(n: number, beam: number, training: boolean): Case {
  const [dim, codes, layers] = [256, 1024, 8];
  const what = training ? "training forward" : "encode";
  const peer = training ? "reference residual train" : "reference residual eval";
  return {
    id: `residual layer ${name([n, dim, layers, codes])}, beam ${beam}, ${what}`,
    group: "layer",
    n,
    dim,
    codes,
    layers,
    beam,
    ours: training ? "layer forward" : "layer encode",
    oursIn: "layers",
    peers: [...both(peer), ...(training ? [] : [once("faiss ResidualQuantizer")])],
    quick: false,
  };
}

/** Whole training steps on 256 images of 28 x 28 pixels with 7 x 7 codes each. */
function autoencoder(parts: "convolutions" | "patches", codes: number, quick: boolean): Case {
  return {
    id: `autoencoder of ${parts}, ${codes} codes`,
    group: "autoencoder",
    n: 256 * 7 * 7,
    dim: 4 * 4, // pixels of a code
    codes,
    ours: `autoencoder of ${parts}`,
    oursIn: "training",
    peers: both(`reference autoencoder of ${parts}`),
    quick,
  };
}

function lfqTraining(n: number, bits: number): Case {
  return {
    id: `LFQ training ${name([n, `2^${bits}`])}`,
    group: "scalar",
    n,
    dim: bits,
    codes: 2 ** bits,
    ours: "lfq training forward",
    oursIn: "scalar",
    peers: both("reference lfq train"),
    quick: false,
  };
}

/** All cases, the quick ones apart: they are smaller. */
export const CASES: readonly Case[] = [
  ...SHAPES.map((shape) => search(shape, false)),
  ...SHAPES.slice(0, 2).map((shape) => search(shape, false, true)),
  ...SHAPES.slice(0, 3).map((shape) => trainingStep(shape, false)),
  ...SHAPES.slice(0, 3).map((shape) => kmeans(shape, 10, false)),
  residual(4096, 1, false),
  residual(16384, 1, false),
  residual(2048, 4, false),
  residual(4096, 4, false),
  {
    id: "decode 65536 x 256, 8 layers x 1024",
    group: "decode",
    n: 65536,
    dim: 256,
    codes: 1024,
    layers: 8,
    ours: "decode",
    peers: [...both("reference decode"), { name: "decode to a new array", process: "kernels" }],
    quick: false,
  },
  {
    id: "FSQ 1048576 x [8, 8, 8, 5, 5, 5]",
    group: "scalar",
    n: 1048576,
    dim: 6,
    codes: 64000,
    levels: [8, 8, 8, 5, 5, 5],
    ours: "fsq",
    peers: [...both("reference fsq"), { name: "fsq encode", process: "scalar" }],
    quick: false,
  },
  {
    id: "ResidualFSQ 1048576 x 4 layers of [8, 8, 8, 5, 5, 5]",
    group: "scalar",
    n: 1048576,
    dim: 6,
    codes: 64000,
    layers: 4,
    levels: [8, 8, 8, 5, 5, 5],
    ours: "residual fsq",
    peers: [...both("reference residual fsq"), { name: "residual fsq encode", process: "scalar" }],
    quick: false,
  },
  {
    id: "LFQ 65536 x 16 bits",
    group: "scalar",
    n: 65536,
    dim: 16,
    codes: 65536,
    ours: "lfq",
    peers: [...both("reference lfq"), { name: "lfq encode", process: "scalar" }],
    quick: false,
  },
  lfqTraining(2048, 16),
  ...[14, 16, 18].flatMap((bits) => [lfqTraining(4096, bits), lfqTraining(16384, bits)]),
  ...SHAPES.slice(0, 3).map((shape) => layer(shape, false)),
  layer([16384, 32, 65536], false),
  layer([12544, 32, 512], false),
  residualLayer(4096, 1, false),
  residualLayer(16384, 1, false),
  residualLayer(4096, 1, true),
  residualLayer(16384, 1, true),
  residualLayer(2048, 4, true),
  ...([512, 8192, 65536] as const).flatMap((codes) => [
    autoencoder("convolutions", codes, false),
    autoencoder("patches", codes, false),
  ]),
  ...QUICK.map((shape) => search(shape, true)),
  ...QUICK.map((shape) => trainingStep(shape, true)),
  ...QUICK.map((shape) => layer(shape, true)),
  autoencoder("patches", 512, true),
  kmeans([4096, 32, 256], 5, true),
  residual(512, 1, true),
  residual(256, 4, true),
];
