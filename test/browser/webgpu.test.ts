/**
 * Quantizers on WebGPU (in software) in a page, beside Wasm in this process: who has drawn numbers on one
 * device draws them there for ever.
 *
 * `WEBGPU_VECTORS=100000` runs the long table, with every quantizer, and encodes that many vectors of each kind
 * beside; `WEBGPU_ROW=7` runs that row alone.
 */
import * as jax from "@jax-js/jax";
import * as library from "vector-quantize";
import * as nn from "vector-quantize/nn";
import * as train from "vector-quantize/train";
import { expect } from "vitest";
import { type Answer, answer, type HostArray, type Order } from "./webgpuPage.ts";
import { rows, TOLERANCE, type WebgpuRow } from "./webgpuRows.ts";
import { browserTest, type TestPage, withPage } from "./withPage.ts";

const long = process.env.WEBGPU_VECTORS !== undefined;
/** Vectors of every call. */
const vectors = long ? 512 : 64;
/** Those that are encoded beside: near ties of all kinds are rare. */
const mostVectors = 64 * Math.ceil(Number(process.env.WEBGPU_VECTORS) / 64);

/** Numbers near 0 that are differences of numbers near 1 can't be told more exactly. */
const SMALLEST_SCALE = 1e-2;

/** Steps carry the differences of those before them on. */
const STEPS_TOLERANCE = 1e-4;

/** A shader that takes a minute to compile takes all memory soon after. */
const DEADLINE = long ? 600_000 : 120_000;

async function ask(page: TestPage, order: Order): Promise<Answer> {
  const answered = page.run<Answer>(`
    const jax = await import("@jax-js/jax");
    const library = {
      ...(await import("vector-quantize")),
      ...(await import("vector-quantize/nn")),
      ...(await import("vector-quantize/train")),
    };
    return (${answer.toString()})(jax, library, ${JSON.stringify(order)});
  `);
  answered.catch(() => {}); // the page is closed on it
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`${order.device} gives no answer: ${JSON.stringify(order.config)}`);
    timer = setTimeout(() => reject(error), DEADLINE);
  });
  return Promise.race([answered, late]).finally(() => clearTimeout(timer));
}

/** What is wrong with an array beside another, if anything is. */
function difference(
  ours: HostArray,
  theirs: HostArray,
  tolerance: number,
  share: number,
): string | undefined {
  if (String(ours.shape) !== String(theirs.shape)) return `shape ${ours.shape}`;
  const finite = theirs.data.filter(Number.isFinite).map(Math.abs);
  const scale = finite.reduce((a, b) => Math.max(a, b), SMALLEST_SCALE);
  const limit = theirs.dtype === "float32" ? tolerance * scale : 0;
  const wrong = theirs.data.flatMap((value, at) => {
    const other = ours.data[at] as number;
    return Object.is(value, other) || Math.abs(value - other) <= limit ? [] : [at];
  });
  const [at] = wrong;
  if (at === undefined || wrong.length <= share * theirs.data.length) return undefined;
  return `[${theirs.shape}]: ${wrong.length} differ, at ${at} ${ours.data[at]} for ${theirs.data[at]}`;
}

/** All that differs in a row, and what was thrown. */
function differences(
  { config, tolerance, steps, share }: WebgpuRow,
  webgpu: Answer,
  wasm: Answer,
): string[] {
  const where = JSON.stringify(config);
  const most = share?.value ?? 0;
  return Object.entries(wasm.calls).flatMap(([name, theirs]) => {
    const ours = webgpu.calls[name] as HostArray[] | string;
    if (typeof theirs === "string") return `${where}: ${name}: Wasm: ${theirs}`;
    if (typeof ours === "string") return `${where}: ${name}: ${ours}`;
    const usual = name === "three steps" ? (steps?.value ?? STEPS_TOLERANCE) : TOLERANCE;
    const limit = tolerance?.value ?? usual;
    return theirs.flatMap((array, leaf) => {
      const other = ours[leaf] as HostArray;
      const found = difference(other, array, limit, name.startsWith("codes ") ? most : 0);
      return found === undefined ? [] : `${where}: ${name}: leaf ${leaf} ${found}`;
    });
  });
}

/** What differs in the rows of the table, and what was thrown. */
async function allDifferences(asked: Pick<Order, "many" | "codesAlone">): Promise<string[]> {
  const found: string[] = [];
  const only = process.env.WEBGPU_ROW;
  const table = rows.filter((row, at) => (only ? at === Number(only) : long || !row.long));
  expect(table).not.toEqual([]);
  await withPage({ isolated: true, webgpu: true }, async (page) => {
    for (const row of table) {
      const order = {
        config: row.config,
        vectors,
        eager: long,
        ...asked,
        ...(row.ties && { halfway: [] }),
      };
      const wasm = await answer(jax, { ...library, ...nn, ...train }, { ...order, device: "wasm" });
      const { variables, halfway } = wasm;
      const webgpu = await ask(page, { ...order, variables, halfway, device: "webgpu" });
      found.push(...differences(row, webgpu, wasm));
    }
  });
  return found;
}

browserTest(
  "quantizers are on WebGPU what they are on Wasm",
  async () => expect(await allDifferences({ many: vectors })).toEqual([]),
  long ? 7_200_000 : 900_000,
);

if (long) {
  browserTest(
    "codes of very many vectors are those on Wasm",
    async () => expect(await allDifferences({ many: mostVectors, codesAlone: true })).toEqual([]),
    7_200_000,
  );
}
