import { expect } from "vitest";
import type { HostTensor } from "../../packages/vector-quantize/src/checkpoint/dtypes.ts";
import { type RecordedCase, type RecordedStep, type Tensors, tensor } from "./cases.ts";
import { expectSame } from "./compare.ts";

/** A step that replaces dead codes, and the states around it. */
interface Replacement {
  recorded: RecordedCase;
  step: RecordedStep;
  /** The recorded states before and after the step. */
  before: Tensors;
  after: Tensors;
  /** Our state after the step. */
  ours: Tensors;
}

/**
 * Expects our state after a replacement of dead codes to be the recorded one but for the draw: the
 * same codes are replaced, each by a real vector of the batch, none twice while there are enough,
 * and their averages start afresh.
 */
export function expectReplaced(at: string, replacement: Replacement): void {
  const { recorded, step, before, after, ours } = replacement;
  const { threshold_ema_dead_code: threshold = 0 } = recorded.kwargs;
  const batch = batchOfBooks(recorded, step);
  const codesBefore = codeRows(before);
  const codesAfter = codeRows(after);

  for (const [book, codes] of codeRows(ours).entries()) {
    const { vectors, indices } = batch[book] as BookBatch;
    const dead = deadCodes(recorded, indices, codesBefore[book] as CodeRow[]);
    expect(dead, `${at}: the case replaces codes`).toContain(true);

    const kept = (rows: CodeRow[]) => rows.filter((_, k) => !dead[k]).map(Object.values);
    const recordedCodes = codesAfter[book] as CodeRow[];
    expectSame(`${at}: kept codes`, floats(kept(codes)), floats(kept(recordedCodes)));

    const replaced = codes.filter((_, k) => dead[k]);
    const drawn = replaced.map(({ count, code, sum }) => {
      expect(count, `${at}: count of a replaced code`).toBe(threshold);
      const times = code.map((c) => c * threshold);
      expectSame(`${at}: sum of a replaced code`, floats(sum), floats(times));
      return vectors.findIndex((vector) => vector.every((v, i) => close(v, code[i])));
    });
    expect(drawn, `${at}: replacements are vectors of the batch`).not.toContain(-1);
    const different = Math.min(vectors.length, drawn.length);
    expect(new Set(drawn).size, `${at}: different replacements`).toBe(different);
  }
}

/** Which codes fall below the threshold once the averages have moved, if they do. */
function deadCodes(
  { kwargs }: RecordedCase,
  found: number[] | undefined,
  before: CodeRow[],
): boolean[] {
  const { threshold_ema_dead_code: threshold = 0, decay = 0.8 } = kwargs;
  return before.map(({ count }, k) => {
    if (!found) return count < threshold;
    const uses = found.filter((index) => index === k).length;
    return Math.fround(count + (1 - decay) * (uses - count)) < threshold;
  });
}

interface CodeRow {
  count: number;
  code: number[];
  sum: number[];
}

/** The codes of each book. */
function codeRows(state: Tensors): CodeRow[][] {
  const embed = tensor(state, "_codebook.embed");
  const [books = 1, K = 0] = embed.shape;
  const sums = rows(tensor(state, "_codebook.embed_avg"));
  const counts = tensor(state, "_codebook.cluster_size").data;
  const all = rows(embed).map((code, k) => ({
    count: counts[k] ?? Number.NaN,
    code,
    sum: sums[k] ?? [],
  }));
  return Array.from({ length: books }, (_, book) => all.slice(book * K, (book + 1) * K));
}

interface BookBatch {
  vectors: number[][];
  /** Absent where the averages do not move. */
  indices: number[] | undefined;
}

/** The real vectors of a channel-last batch as each book sees them, and their indices. */
function batchOfBooks(recorded: RecordedCase, step: RecordedStep): BookBatch[] {
  const { heads = 1, separate_codebook_per_head: separate = false } = recorded.kwargs as {
    heads?: number;
    separate_codebook_per_head?: boolean;
  };
  const vectors = batchVectors(recorded, step);
  const indices = step.out.indices && Array.from(step.out.indices.data);
  const parts = vectors.flatMap((vector) => {
    const width = vector.length / heads;
    return Array.from({ length: heads }, (_, h) => vector.slice(h * width, (h + 1) * width));
  });
  const books = separate ? heads : 1;
  return Array.from({ length: books }, (_, book) => ({
    vectors: parts.filter((_, n) => n % books === book),
    indices: indices?.filter((_, n) => n % books === book),
  }));
}

/** The real vectors of a channel-last batch, projected and normalised. */
function batchVectors({ kwargs, state }: RecordedCase, { in: given }: RecordedStep): number[][] {
  const mask = given.mask?.data;
  const real = rows(tensor(given, "x")).filter((_, n) => mask?.[n] !== 0);
  const weight = state["project_in.weight"];
  const bias = state["project_in.bias"];
  const project = (x: number[]) =>
    weight && bias ? rows(weight).map((w, c) => (bias.data[c] ?? Number.NaN) + dot(w, x)) : x;
  const normalise = (x: number[]) => x.map((entry) => entry / Math.sqrt(dot(x, x)));
  return real.map(project).map((x) => (kwargs.use_cosine_sim ? normalise(x) : x));
}

/** The rows along the last axis. */
function rows({ data, shape }: HostTensor): number[][] {
  const width = shape.at(-1) ?? 1;
  const count = data.length / width;
  return Array.from({ length: count }, (_, n) => [...data.subarray(n * width, (n + 1) * width)]);
}

function floats(values: readonly unknown[]): HostTensor {
  const data = new Float32Array(values.flat(2) as number[]);
  return { dtype: "float32", shape: [data.length], data };
}

const dot = (a: number[], b: number[]) => a.reduce((sum, v, i) => sum + v * (b[i] ?? 0), 0);
const close = (a: number, b = Number.NaN) => Math.abs(a - b) < 1e-5;
