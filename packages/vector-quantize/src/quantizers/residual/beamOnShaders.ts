import { numpy as np, tree } from "@jax-js/jax";
import { topIndices } from "../../search/candidates.ts";
import { floats } from "../../search/kernel.ts";
import { nearestTopKOnShaders, type Searched } from "../../search/shader.ts";
import { usableRows } from "../../search/usable.ts";
import { gammaOf } from "../../shaders/search/bounds.ts";
import { asNumbers, int32, settled } from "../../tracing.ts";
import { jitByMode, jitted, owns } from "../../tree.ts";
import { padColumns, type SearchedLayers, withLayers } from "./kernel.ts";

/** Sequences of codes that are kept of each vector. */
type Sequences = {
  /** What they leave of the vectors. */
  residual: np.Array; // [N kept, C]
  /** Their weighted squared errors, layer by layer. */
  scores: np.Array; // [N, kept]
  /** How far these may be from the kernels'. */
  slacks: np.Array; // [N, kept]
  /** How far the residual may be from the kernels'. */
  drifts: np.Array; // [N, kept]
  /** Their codes, int32 `[N, kept]` for each layer so far. */
  paths: np.Array[];
  /** 1 for vectors of which other sequences might be kept. */
  doubts: np.Array; // [N]
};

type Step = { kept: Sequences; codes: np.Array; found: np.Array };
type StepMode = { next: number; weight: number };

/** Numbers of all continuations of a part of the vectors. */
const MOST_NUMBERS = 2 ** 24;

/** Larger than any score. */
const LARGEST = 3e38;

/**
 * The `next` best of all sequences, each followed by one of its nearest codes `found` `[N kept, k]`.
 *
 * A score is a sum of squares, off by at most `2 gamma` of itself here and in the kernels together (see
 * `bounds.ts`), and by what the residual drifted. Vectors are in doubt unless the sequences that are kept
 * stay below all others by more than that. A sequence is followed by one code more than are kept, so that
 * codes that are not `found` lie behind one that is.
 */
function extended({ kept, codes, found }: Step, { next, weight }: StepMode): Sequences {
  const { residual, scores, slacks, drifts, paths, doubts } = kept;
  const [N, width] = scores.shape as [number, number];
  const [k, C] = [found.shape[1] as number, codes.shape[1] as number];
  const all = width * k;
  const ofSequence = (values: np.Array) => np.expandDims(values, 2); // [N, width, 1]
  const flat = (values: np.Array) => values.reshape([N, all]);
  const safe = np.maximum(found.ref, int32(0)).reshape([-1]);
  const left = np.expandDims(residual, 1).sub(np.take(codes, safe, 0).reshape([N * width, k, C]));
  const errors = np.sum(np.square(left.ref), -1).reshape([N, width, k]);
  const drift = ofSequence(drifts.ref);
  const off = errors.ref
    .mul(2 * gammaOf(C))
    .add(np.sqrt(errors.ref).mul(drift.ref).mul(4))
    .add(np.square(drift).mul(4))
    .mul(weight)
    .add(2 ** -100);
  // Kernels of their own, or each that follows would work all this out again.
  const slack = settled(flat(ofSequence(slacks).add(off))); // [N, all]
  const total = settled(flat(ofSequence(scores).add(errors.ref.mul(weight))));
  const best = settled(topIndices(total.ref.neg(), next)); // [N, next]
  const chosen = np.sum(
    asNumbers(np.expandDims(best.ref, 2).equal(np.arange(all).astype(np.int32))),
    1,
  );
  const isKept = chosen.greater(0.5); // [N, all]
  const worst = np.max(np.where(isKept.ref, total.ref.add(slack.ref), -LARGEST), 1);
  const others = np.min(np.where(isKept, LARGEST, total.ref.sub(slack.ref)), 1);
  const certain = asNumbers(others.greater(worst.mul(1 + 2 ** -20)));

  const pick = (values: np.Array) => np.takeAlongAxis(values, best.ref, 1); // [N, next]
  const spread = (values: np.Array) => np.repeat(values, k, 1); // [N, width] to [N, all]
  const rows = np.expandDims(best.ref, 2);
  const result = {
    residual: np.takeAlongAxis(left.reshape([N, all, C]), rows, 1).reshape([N * next, C]),
    scores: pick(total),
    slacks: pick(slack),
    drifts: pick(spread(drifts)).add(
      pick(np.sqrt(flat(errors)))
        .add(2 ** -49)
        .mul(2 ** -22),
    ),
    paths: [...paths.map((path) => pick(spread(path))), pick(found.reshape([N, all]))],
    doubts: np.maximum(doubts, certain.neg().add(1)),
  };
  best.dispose();
  return result;
}

const extend = jitByMode(extended);

/** Whether every code can be searched. */
const allUsable = jitted((codebooks: readonly np.Array[]) =>
  codebooks.map((codes) => np.min(asNumbers(usableRows(codes)))).reduce((a, b) => np.minimum(a, b)),
);

/** Indices `[N, columns]` of the only sequence of each vector, -1 where there is no code; and what is in doubt. */
const ended = jitByMode(
  ({ paths, doubts }: Pick<Sequences, "paths" | "doubts">, { columns }: { columns: number }) => {
    const N = doubts.shape[0] as number;
    const found = np.concatenate(paths, 1); // [N, layers]
    const usable = found.ref.slice([], [0, 1]).greater(int32(-1)); // [N, 1]
    const known = np.where(usable.ref, found, int32(-1));
    const rest = np.full([N, columns - paths.length], -1, { dtype: np.int32 });
    return {
      indices: columns > paths.length ? np.concatenate([known, rest], 1) : known,
      doubts: doubts.mul(asNumbers(usable.reshape([-1]))),
    };
  },
);

const start = jitted((vectors: np.Array): Sequences => {
  const N = vectors.shape[0] as number;
  const usable = usableRows(vectors.ref).reshape([N, 1]);
  const zeros = () => np.zeros([N, 1]);
  return {
    residual: np.where(usable, vectors, 0),
    scores: zeros(),
    slacks: zeros(),
    drifts: zeros(),
    paths: [],
    doubts: np.zeros([N]),
  };
});

/** A search with a beam, and the numbers of its codebooks for the kernels, which stay as they are. */
interface BeamSearch extends SearchedLayers<np.Array> {
  readonly host: () => Promise<readonly Float32Array[]>;
}

/**
 * Indices of vectors `[N, C]` by a beam, all layers on the device, as `residualOnKernels` finds them: int32
 * `[N, columns]`, with -1 for the layers that are not used. The nearest codes are found by the shaders, and
 * sequences chosen in a graph of N x beam x (beam + 1) numbers; vectors in doubt are decided by the kernels.
 * Takes ownership of nothing.
 */
export async function beamOnShaders(
  vectors: np.Array,
  search: BeamSearch,
  columns: number,
): Promise<Searched> {
  const [N, C] = vectors.shape as [number, number];
  const { codebooks, beam, beamWeights, host } = search;
  const decide = async (rows: Float32Array) => {
    const layers = { codebooks: await host(), beam, beamWeights };
    const found = await withLayers(layers, C, (kernels) => kernels.nearest(rows), true);
    return padColumns(found.indices, codebooks.length, columns);
  };
  const usable = (await allUsable(tree.ref(codebooks as never)).data())[0] === 1;
  const part = usable ? Math.max(1, Math.floor(MOST_NUMBERS / (beam * (beam + 1) * C))) : 0;
  const parts: np.Array[] = [];
  using _ = owns(parts);
  let decided = 0;
  for (let begin = 0; usable && begin < N; begin += part) {
    const rows = vectors.ref.slice([begin, Math.min(begin + part, N)]);
    using _rows = owns(rows);
    const { indices, doubts } = ended(await sequencesOf(rows, search), { columns });
    parts.push(indices);
    const open = openRows((await doubts.data()) as Float32Array);
    if (open.length === 0) continue;
    decided += open.length;
    const known = await decide(await rowsAt(rows, open));
    parts[parts.length - 1] = await replaced(indices, open, known);
  }
  if (!usable) {
    const known = await decide(await floats(vectors.ref));
    return {
      indices: np.array(known, { shape: [N, columns], device: vectors.device }),
      decided: N,
    };
  }
  return {
    indices: parts.length > 1 ? np.concatenate(tree.ref(parts), 0) : (parts[0] as np.Array).ref,
    decided,
  };
}

/** The best sequence of each vector. */
async function sequencesOf(
  rows: np.Array,
  { codebooks, beam, beamWeights }: BeamSearch,
): Promise<Pick<Sequences, "paths" | "doubts">> {
  const used = beamWeights.slice(0, codebooks.length);
  const largest = Math.max(...used); // their ratios alone count
  const held = { kept: start(rows.ref) };
  using _ = owns(held);
  for (const [layer, codes] of codebooks.entries()) {
    const K = codes.shape[0] as number;
    const width = held.kept.scores.shape[1] as number;
    const next = layer + 1 === codebooks.length ? 1 : Math.min(beam, width * K);
    const k = Math.min(next + 1, K);
    const { residual } = held.kept;
    const { indices } = await nearestTopKOnShaders(residual.ref, codes.ref, "euclidean", k);
    const found = layer === 0 ? asGiven(indices, rows.ref) : indices;
    const mode = { next, weight: (used[layer] as number) / largest };
    held.kept = extend({ kept: held.kept, codes: codes.ref, found }, mode);
  }
  const { paths, doubts } = held.kept;
  return tree.ref({ paths, doubts });
}

/** -1 for vectors that are not usable, in whose place others were searched. */
const asGiven = jitted((indices: np.Array, rows: np.Array) =>
  np.where(usableRows(rows).reshape([-1, 1]), indices, int32(-1)),
);

function openRows(doubts: Float32Array): number[] {
  return [...doubts.keys()].filter((row) => (doubts[row] as number) > 0);
}

/** Rows of `x` on the host. Their number is filled up to a power of two: each is compiled for itself. */
async function rowsAt(x: np.Array, rows: readonly number[]): Promise<Float32Array> {
  const dim = x.shape[1] as number;
  const places = new Int32Array(2 ** Math.ceil(Math.log2(rows.length)));
  places.set(rows);
  const at = np.array(places, { dtype: np.int32, device: x.device });
  return (await floats(np.take(x.ref, at, 0))).subarray(0, rows.length * dim);
}

/** `indices` `[N, columns]` with others in some rows. Takes ownership. */
async function replaced(indices: np.Array, rows: readonly number[], known: Int32Array) {
  const { shape, device } = indices;
  const columns = shape[1] as number;
  const all = Int32Array.from((await indices.data()) as Int32Array);
  for (const [at, row] of rows.entries()) {
    all.set(known.subarray(at * columns, (at + 1) * columns), row * columns);
  }
  return np.array(all, { shape, dtype: np.int32, device });
}
