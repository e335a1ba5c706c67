import { extname } from "node:path";
import { Command, Option } from "commander";
import type { Pool } from "vector-quantize/kernels";
import type { CodeQuantizer, CodeSearch } from "vector-quantize/search";
import { Failure, UsageFailure } from "../failure.ts";
import type { Vectors } from "../input/vectors/matrix.ts";
import { type Console, createConsole } from "../output/console.ts";
import { amount, clock, grouped } from "../output/words.ts";
import { wholeNumber } from "./options.ts";

interface Options {
  readonly out: string;
  readonly metric: "euclidean" | "dot" | "cosine";
  readonly bits?: number;
  readonly product?: number;
  readonly rotation: "none" | "learned";
  readonly cells?: number;
  readonly keepVectors: boolean;
  readonly columns?: string;
  readonly seed: number;
  readonly threads?: number;
  readonly json: boolean;
}

const MOST_BITS = 8;
/** Vectors that are coded at a time. */
const ROWS = 16384;
/** Vectors for each center of a list that k-means looks at in an iteration. */
const EACH = 256;
const ITERATIONS = 10;

/** `vq index <vectors> --out vectors.vqi` */
export function indexCommand(): Command {
  return new Command("index")
    .description(
      "vectors as codes that vq search looks for neighbours in, in one file: RaBitQ codes, which need no training, or " +
        "with --product codes that are fitted to the vectors",
    )
    .argument(
      "<vectors>",
      "[N, D] in a .npy file, of float16, float32 or other numbers; or a .parquet file, whose columns are numbers or " +
        "lists of numbers",
    )
    .requiredOption("--out <file>", "where to write the index: .vqi")
    .addOption(
      new Option("--metric <name>", "what is near: small distances, large products or cosines")
        .choices(["euclidean", "dot", "cosine"])
        .default("euclidean"),
    )
    .option(
      "--bits <n>",
      "bits of a number, 1 to 8 (default: 1); with --product of a part, whose codebook has 2^n codes (default: 4)",
      wholeNumber(1),
    )
    .option(
      "--product <parts>",
      "product codes of so many parts, which divide D, in place of RaBitQ",
      wholeNumber(1),
    )
    .addOption(
      new Option(
        "--rotation <name>",
        "with --product: learned turns vectors so that the parts have as much to say",
      )
        .choices(["none", "learned"])
        .default("none"),
    )
    .option(
      "--cells <n>",
      "lists, by k-means, of which a search looks into few: for millions (default: none)",
      wholeNumber(1),
    )
    .option(
      "--keep-vectors",
      "keep the vectors too: the best by their codes are put in order by true distances",
      false,
    )
    .option("--columns <names>", "columns of a .parquet file, as a,b,c (default: all)")
    .option("--seed <n>", "seed of all random choices", wholeNumber(0), 0)
    .option("--threads <n>", "threads to compute with (default: all cores)", wholeNumber(1))
    .option("--json", "print JSON lines instead of text", false)
    .action(index);
}

async function index(path: string, options: Options): Promise<void> {
  checkOptions(options);
  const { createPool } = await import("vector-quantize/kernels");
  const { saveCodeSearch } = await import("vector-quantize/search");
  const { checkComparable, readVectors } = await import("../input/vectors/vectors.ts");
  const { openResults } = await import("../output/results.ts");
  const { cleanUpWhenInterrupted } = await import("../output/unfinished.ts");
  cleanUpWhenInterrupted();
  const { out, cells = 0, keepVectors, metric, product, threads } = options;
  const console = createConsole(options.json);
  await using results = await openResults([out]);
  const vectors = await readVectors(path, options.columns?.split(","));
  const { rows, dim } = vectors;
  checkComparable(path, vectors);
  if (product !== undefined && dim % product !== 0) {
    throw new Failure(`--product: expected a divisor of ${dim}, got ${product}`);
  }
  console.note(`${path}: ${amount(rows, "vector")} of ${amount(dim, "number")}`);
  const began = performance.now();
  const pool = createPool(threads === undefined ? {} : { threads });
  try {
    const search = await searchOf(console, vectors, options, pool);
    const bytes = await saveCodeSearch(search);
    search.dispose();
    await results.write([bytes]);
    const { type, bytes: each } = search.quantizer;
    const seconds = (performance.now() - began) / 1000;
    console.say(
      `${out}: ${amount(rows, `${type === "rabitq" ? "RaBitQ" : "product"} code`)} of ${amount(each, "byte")}` +
        `${cells > 0 ? ` in ${amount(cells, "list")}` : ""}${keepVectors ? ", and the vectors" : ""}: ` +
        `${grouped(bytes.length)} bytes, made in ${clock(seconds)}`,
    );
    console.record("indexed", {
      ...{ file: out, vectors: rows, dim, type, metric, codeBytes: each, cells, keepVectors },
      ...{ bytes: bytes.length, seconds },
    });
  } finally {
    pool.dispose();
  }
}

/** All vectors as codes. */
async function searchOf(
  console: Console,
  { rows, dim, values }: Vectors,
  options: Options,
  pool: Pool,
): Promise<CodeSearch> {
  const { createCodeSearch } = await import("vector-quantize/search");
  const { createCount } = await import("../output/count.ts");
  const { cells, keepVectors } = options;
  const quantizer = await quantizerOf(values, dim, options, pool);
  const search = await createCodeSearch(new Float32Array(0), quantizer, {
    ...{ keepVectors, pool },
    ...(cells !== undefined && { cells: await centersOf(console, values, dim, options, pool) }),
  });
  const count = createCount(console, rows, "vectors");
  try {
    for (let first = 0; first < rows; first += ROWS) {
      const some = Math.min(ROWS, rows - first);
      await search.add(values.subarray(first * dim, (first + some) * dim));
      count.add(some);
    }
    return search;
  } catch (error) {
    search.dispose();
    throw error;
  } finally {
    count.stop();
  }
}

async function quantizerOf(
  values: Float32Array,
  dim: number,
  { metric, product, bits, rotation, seed }: Options,
  pool: Pool,
): Promise<CodeQuantizer> {
  const { fitProductCodes, meanVector, rabitq } = await import("vector-quantize/search");
  if (product === undefined) {
    const center = meanVector(values, dim, metric);
    return rabitq({ dim, metric, center, seed, pool, ...(bits !== undefined && { bits }) });
  }
  const codebookSize = 2 ** (bits ?? 4);
  return fitProductCodes(values, {
    dim,
    parts: product,
    codebookSize,
    rotation,
    metric,
    seed,
    pool,
  });
}

/** Centers of lists: of many vectors k-means looks at as many as it needs, others in each iteration. */
async function centersOf(
  console: Console,
  values: Float32Array,
  dim: number,
  { cells = 0, metric, seed }: Options,
  pool: Pool,
): Promise<Float32Array> {
  const { kmeans } = await import("vector-quantize/kernels");
  const { centroids, warnings } = await kmeans(values, {
    ...{ dim, clusters: cells, iterations: ITERATIONS, seed, pool },
    metric: metric === "cosine" ? "cosine" : "euclidean",
    ...(values.length / dim > EACH * cells && { batchSize: EACH * cells }),
  });
  for (const warning of warnings) console.note(warning);
  return centroids;
}

function checkOptions({ out, bits, product, rotation }: Options): void {
  if (extname(out).toLowerCase() !== ".vqi") {
    throw new UsageFailure(`--out: expected a .vqi file, got ${out}`);
  }
  if (bits !== undefined && bits > MOST_BITS) {
    throw new UsageFailure(`--bits: expected 1 to ${MOST_BITS}, got ${bits}`);
  }
  if (rotation === "learned" && product === undefined) {
    throw new UsageFailure("--rotation: expected --product beside it, got none");
  }
}
