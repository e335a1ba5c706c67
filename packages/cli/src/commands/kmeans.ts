import { extname } from "node:path";
import { Command, Option } from "commander";
import type { KMeansProgress } from "vector-quantize/kernels";
import { Failure, Interrupted, UsageFailure } from "../failure.ts";
import { type Console, createConsole } from "../output/console.ts";
import { checkNpyOutputs } from "../output/npyOutputs.ts";
import { amount, clock, small } from "../output/words.ts";
import { wholeNumber } from "./options.ts";

interface Options {
  readonly k: number;
  readonly out: string;
  readonly labels?: string;
  readonly weights?: string;
  readonly init?: string;
  readonly columns?: string;
  readonly iterations: number;
  readonly batch?: number;
  readonly metric: "euclidean" | "cosine";
  readonly seeding?: "sample" | "kmeans++";
  readonly seed: number;
  readonly threads?: number;
  readonly json: boolean;
}

/** `vq kmeans <vectors> --k 65536 --out codebook.npy` */
export function kmeansCommand(): Command {
  return new Command("kmeans")
    .description(
      "k-means of vectors: a codebook, such as a palette, as a float32 .npy file [K, D], and what each vector is in it",
    )
    .argument(
      "<vectors>",
      "[N, D] in a .npy file, of float16, float32 or other numbers; or a .parquet file, whose columns are numbers or " +
        "lists of numbers",
    )
    .requiredOption("--k <n>", "centroids", wholeNumber(1))
    .requiredOption("--out <file>", "where to write the centroids: .npy")
    .option("--labels <file>", "where to write each vector's nearest centroid: .npy, int32 [N]")
    .option("--weights <file>", "what each vector counts: .npy [N]")
    .option("--init <file>", "centroids to start from: .npy [K, D]")
    .option("--columns <names>", "columns of a .parquet file, as a,b,c (default: all)")
    .option("--iterations <n>", "most iterations, or mini-batches", wholeNumber(1), 10)
    .option(
      "--batch <n>",
      "vectors of a mini-batch (default: all, in every iteration)",
      wholeNumber(1),
    )
    .addOption(
      new Option("--metric <name>", "cosine: of directions, centroids of length 1")
        .choices(["euclidean", "cosine"])
        .default("euclidean"),
    )
    .addOption(
      new Option(
        "--seeding <name>",
        "where to start: at vectors drawn at random, or far from one another (default: sample)",
      ).choices(["sample", "kmeans++"]),
    )
    .option("--seed <n>", "seed of all random choices", wholeNumber(0), 0)
    .option("--threads <n>", "threads to compute with (default: all cores)", wholeNumber(1))
    .option("--json", "print JSON lines instead of text", false)
    .action(cluster);
}

async function cluster(path: string, options: Options): Promise<void> {
  const { k, out, iterations, metric, seed, batch, seeding } = options;
  checkNames(path, options);
  const { createPool, kmeans } = await import("vector-quantize/kernels");
  const { writeNpy } = await import("vector-quantize/data");
  const { readVectors } = await import("../input/vectors/vectors.ts");
  const { readNpyFloats } = await import("../input/vectors/npyFile.ts");
  const { openResults } = await import("../output/results.ts");
  const { watchForInterrupt } = await import("../training/interrupt.ts");
  const console = createConsole(options.json);
  const stop = new AbortController();
  using _ = watchForInterrupt(() => stop.abort(new Interrupted()));
  await using results = await openResults(options.labels ? [out, options.labels] : [out]);
  const { rows, dim, values } = await readVectors(path, options.columns?.split(","));
  const weights = options.weights && (await readNpyFloats(options.weights));
  if (weights && String(weights.shape) !== String([rows])) {
    throw new Failure(
      `${options.weights}: expected [${rows}], as many as vectors, got [${weights.shape.join(", ")}]`,
    );
  }
  const init = options.init && (await readNpyFloats(options.init));
  if (init && String(init.shape) !== String([k, dim])) {
    throw new Failure(`${options.init}: expected [${k}, ${dim}], got [${init.shape.join(", ")}]`);
  }
  console.note(`${path}: ${amount(rows, "vector")} of ${amount(dim, "number")}`);
  const began = performance.now();
  const pool = createPool(options.threads === undefined ? {} : { threads: options.threads });
  const steps = iterations + (options.labels ? 1 : 0) + (seeding === "kmeans++" ? 1 : 0);
  const { onProgress, ended } = await showProgress(console, steps);
  try {
    const found = await kmeans(values, {
      ...{ dim, clusters: k, iterations, metric, seed, labels: options.labels !== undefined },
      ...(batch !== undefined && { batchSize: batch }),
      ...(seeding !== undefined && { seeding }),
      ...(weights && { weights: weights.values }),
      ...(init && { init: init.values }),
      ...{ pool, onProgress, signal: stop.signal },
    });
    ended();
    for (const warning of found.warnings) console.note(warning);
    const labels = "labels" in found ? (found.labels as Int32Array) : new Int32Array(0);
    await results.write([
      writeNpy({ shape: [k, dim], data: found.centroids }),
      writeNpy({ shape: [labels.length], data: labels }),
    ]);
    const seconds = (performance.now() - began) / 1000;
    // Of all vectors, or of an average mini-batch.
    const batches = batch !== undefined && batch < rows ? found.iterations : 1;
    const weight = found.counts.reduce((sum, each) => sum + each, 0) / batches;
    const error = found.inertia / weight;
    console.say(
      `${out}: ${amount(k, "centroid")} of ${amount(dim, "number")}, mean ` +
        `${metric === "cosine" ? "1 - cosine" : "squared distance"} ${small(error)} before the last step, ` +
        `${amount(found.iterations, "iteration")} in ${clock(seconds)}`,
    );
    const { inertia, iterations: done, warnings } = found;
    console.record("clustered", {
      ...{ file: out, vectors: rows, dim, clusters: k, iterations: done, inertia, error, seconds },
      warnings,
    });
  } finally {
    ended();
    pool.dispose();
  }
}

function checkNames(vectors: string, { out, labels, weights, init }: Options): void {
  for (const [flag, path] of Object.entries({ weights, init })) {
    if (path === undefined || extname(path).toLowerCase() === ".npy") continue;
    throw new UsageFailure(`--${flag}: expected a .npy file, got ${path}`);
  }
  const read = { "the vectors": vectors, "--weights": weights, "--init": init };
  checkNpyOutputs({ out, labels }, read);
}

/** A bar for people, a line each iteration for programs. */
async function showProgress(console: Console, steps: number) {
  const { createCount } = await import("../output/count.ts");
  const count = createCount(console, steps, "iterations");
  let last: KMeansProgress | undefined;
  return {
    onProgress(now: KMeansProgress): void {
      const before = last?.iteration === now.iteration ? last.share : 0;
      count.add(now.share - before);
      if (now.inertia !== undefined) console.record("iteration", { ...now });
      last = now;
    },
    ended: () => count.stop(),
  };
}
