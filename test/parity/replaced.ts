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
  const dead = deadCodes(recorded, step, before);
  expect(dead, `${at}: the case replaces codes`).toContain(true);

  const codes = codeRows(ours);
  const kept = (rows: CodeRow[]) => rows.filter((_, k) => !dead[k]).map(Object.values);
  expectSame(`${at}: kept codes`, floats(kept(codes)), floats(kept(codeRows(after))));

  const vectors = batchVectors(recorded, step);
  const replaced = codes.filter((_, k) => dead[k]);
  const drawn = replaced.map(({ count, code, sum }) => {
    expect(count, `${at}: count of a replaced code`).toBe(threshold);
    expectSame(
      `${at}: sum of a replaced code`,
      floats(sum),
      floats(code.map((c) => c * threshold)),
    );
    return vectors.findIndex((vector) => vector.every((v, i) => close(v, code[i])));
  });
  expect(drawn, `${at}: replacements are vectors of the batch`).not.toContain(-1);
  const different = Math.min(vectors.length, drawn.length);
  expect(new Set(drawn).size, `${at}: different replacements`).toBe(different);
}

/** Which codes fall below the threshold once the averages have moved. */
function deadCodes({ kwargs }: RecordedCase, { out }: RecordedStep, before: Tensors): boolean[] {
  const { threshold_ema_dead_code: threshold = 0, decay = 0.8 } = kwargs;
  const found = Array.from(tensor(out, "indices").data);
  return codeRows(before).map(({ count }, k) => {
    const uses = found.filter((index) => index === k).length;
    return Math.fround(count + (1 - decay) * (uses - count)) < threshold;
  });
}

interface CodeRow {
  count: number;
  code: number[];
  sum: number[];
}

function codeRows(state: Tensors): CodeRow[] {
  const sums = rows(tensor(state, "_codebook.embed_avg"));
  const counts = tensor(state, "_codebook.cluster_size").data;
  return rows(tensor(state, "_codebook.embed")).map((code, k) => ({
    count: counts[k] ?? Number.NaN,
    code,
    sum: sums[k] ?? [],
  }));
}

/** The real vectors of a channel-last batch as the codebook sees them. */
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
