import { Command } from "commander";
import type { Pool } from "vector-quantize/kernels";
import type { CodeSearch } from "vector-quantize/search";
import { Failure, UsageFailure } from "../failure.ts";
import { createConsole } from "../output/console.ts";
import { checkNpyOutputs } from "../output/npyOutputs.ts";
import { amount, clock, grouped } from "../output/words.ts";
import { wholeNumber } from "./options.ts";

interface Options {
  readonly k: number;
  readonly out: string;
  readonly distances?: string;
  readonly probes?: number;
  readonly columns?: string;
  readonly threads?: number;
  readonly json: boolean;
}

const MOST_ASKED = 1000;
/** Queries that are asked at a time. */
const QUERIES = 1024;

/** `vq search <index> <queries> --k 10 --out ids.npy` */
export function searchCommand(): Command {
  return new Command("search")
    .description(
      "the nearest vectors of an index that vq index made: their numbers, from 0 on in the order of the file that was " +
        "indexed, as an int32 .npy file [Q, k], the nearest first; -1 where there are fewer",
    )
    .argument("<index>", "a .vqi file")
    .argument("<queries>", "[Q, D] in a .npy or a .parquet file, as for vq index")
    .requiredOption("--out <file>", "where to write the numbers: .npy")
    .option(
      "--distances <file>",
      "where to write squared distances, products times -1, or 1 - cosines: .npy, float32 [Q, k]",
    )
    .option("--k <n>", "neighbours of each query, up to 1,000", wholeNumber(1), 10)
    .option(
      "--probes <n>",
      "lists that are looked into (default: a sixteenth of them, and at least 8)",
      wholeNumber(1),
    )
    .option("--columns <names>", "columns of a .parquet file, as a,b,c (default: all)")
    .option("--threads <n>", "threads to compute with (default: all cores)", wholeNumber(1))
    .option("--json", "print JSON lines instead of text", false)
    .action(searchVectors);
}

async function searchVectors(path: string, queriesPath: string, options: Options): Promise<void> {
  const { k, out, probes, threads } = options;
  checkNpyOutputs({ out, distances: options.distances }, { "the queries": queriesPath });
  if (k > MOST_ASKED) throw new UsageFailure(`--k: expected 1 to ${MOST_ASKED}, got ${k}`);
  const { writeNpy } = await import("vector-quantize/data");
  const { createPool } = await import("vector-quantize/kernels");
  const { checkComparable, readVectors } = await import("../input/vectors/vectors.ts");
  const { createCount } = await import("../output/count.ts");
  const { openResults } = await import("../output/results.ts");
  const { cleanUpWhenInterrupted } = await import("../output/unfinished.ts");
  cleanUpWhenInterrupted();
  const console = createConsole(options.json);
  await using results = await openResults(options.distances ? [out, options.distances] : [out]);
  const pool = createPool(threads === undefined ? {} : { threads });
  try {
    const search = await openIndex(path, pool);
    const { dim } = search.quantizer;
    checkProbes(probes, path, search);
    const queries = await readVectors(queriesPath, options.columns?.split(","));
    const { rows, values } = queries;
    if (queries.dim !== dim) {
      throw new Failure(
        `${queriesPath}: expected [Q, ${dim}], as ${path} has, got [${rows}, ${queries.dim}]`,
      );
    }
    checkComparable(queriesPath, queries);
    console.note(`${path}: ${amount(search.size, "vector")} of ${amount(dim, "number")}`);
    const ids = new Int32Array(rows * k);
    const distances = new Float32Array(rows * k);
    const count = createCount(console, rows, "queries");
    const began = performance.now();
    const how = { k, ...(probes !== undefined && { probes }) };
    try {
      for (let first = 0; first < rows; first += QUERIES) {
        const some = Math.min(QUERIES, rows - first);
        const asked = values.subarray(first * dim, (first + some) * dim);
        const found = await search.nearest(asked, how);
        ids.set(found.ids, first * k);
        distances.set(found.distances, first * k);
        count.add(some);
      }
    } finally {
      count.stop();
    }
    const seconds = (performance.now() - began) / 1000;
    await results.write([
      writeNpy({ shape: [rows, k], data: ids }),
      writeNpy({ shape: [rows, k], data: distances }),
    ]);
    console.say(
      `${out}: [${rows}, ${k}], the nearest of each query, in ${clock(seconds)}, ` +
        `${grouped(rows / seconds)} queries a second`,
    );
    console.record("searched", { file: out, queries: rows, k, vectors: search.size, seconds });
  } finally {
    pool.dispose();
  }
}

async function openIndex(path: string, pool: Pool): Promise<CodeSearch> {
  const { openCodeSearch } = await import("vector-quantize/search");
  const { openInput } = await import("../output/files.ts");
  const file = await openInput(path);
  try {
    return await openCodeSearch(file, { pool });
  } catch (error) {
    const { name, message } = error as Error;
    throw name === "VectorQuantizeError" ? new Failure(`${path}: ${message}`) : error;
  } finally {
    await file.close();
  }
}

/** Throws for more lists than there are. */
function checkProbes(probes: number | undefined, path: string, { cells }: CodeSearch): void {
  if (probes === undefined || probes <= cells) return;
  const what = cells === 0 ? "none, for the index has no lists" : `1 to ${grouped(cells)}`;
  throw new Failure(`--probes: ${path}: expected ${what}, got ${probes}`);
}
