import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseNpy, writeNpy } from "vector-quantize/data";
import { kmeans } from "vector-quantize/kernels";
import { afterAll, describe, expect, test } from "vitest";
import { integers } from "../../../../test/support/kernelPools.ts";
import { contentsOf, runVq, startVq, temporaryFolder } from "../../../../test/support/vq.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const at = (name: string) => join(folder.path, name);
const [rows, dim] = [600, 3];
const vectors = Float32Array.from({ length: rows * dim }, integers(1, -500, 500));
const weights = Float32Array.from({ length: rows }, integers(2, 0, 3));

function save(name: string, shape: number[], data: Float32Array | Uint8Array): string {
  writeFileSync(at(name), writeNpy({ shape, data }));
  return at(name);
}
const file = save("vectors.npy", [rows, dim], vectors);
save("weights.npy", [rows], weights);
save("long.npy", [20000, 16], Float32Array.from({ length: 320000 }, integers(3, -500, 500)));

test("writes what kmeans finds", async () => {
  const { code, stdout, stderr } = await runVq(
    `kmeans ${file} --k 8 --weights ${at("weights.npy")} --seeding kmeans++ --iterations 5 --seed 3
      --out ${at("codebook.npy")} --labels ${at("labels.npy")} --threads 2`.split(/\s+/),
  );
  expect(stderr).toBe(`${file}: 600 vectors of 3 numbers\n`);
  expect(stdout).toMatch(
    /codebook\.npy: 8 centroids of 3 numbers, mean squared distance \d\.\d\de\+4 before the last step, 5 iterations in 0:0\d\n$/,
  );
  expect(code).toBe(0);
  const options = { dim, clusters: 8, weights, seed: 3, iterations: 5, labels: true } as const;
  const wanted = await kmeans(vectors, { ...options, seeding: "kmeans++" });
  const read = (name: string) => parseNpy(readFileSync(at(name)));
  expect(read("codebook.npy")).toEqual({ shape: [8, 3], data: wanted.centroids });
  expect(read("labels.npy")).toEqual({ shape: [rows], data: wanted.labels });
});

test("tells programs of each iteration; begins at centroids that are given; takes mini-batches of bytes", async () => {
  const bytes = save("bytes.npy", [rows, dim], Uint8Array.from(vectors));
  const init = save("init.npy", [2, dim], Float32Array.of(0, 0, 0, 200, 200, 200));
  const out = at("two.npy");
  const { stdout } = await runVq(
    `kmeans ${bytes} --k 2 --init ${init} --iterations 3 --batch 100 --out ${out} --json`.split(
      " ",
    ),
  );
  const records = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(records.map(({ event }) => event)).toEqual([...Array(3).fill("iteration"), "clustered"]);
  expect(records[3]).toMatchObject({ file: out, vectors: rows, dim, clusters: 2, iterations: 3 });
  const { centroids } = await kmeans(Float32Array.from(Uint8Array.from(vectors)), {
    ...{ dim, clusters: 2, iterations: 3, batchSize: 100 },
    init: Float32Array.of(0, 0, 0, 200, 200, 200),
  });
  expect(parseNpy(readFileSync(out)).data).toEqual(centroids);
});

test("Ctrl-C ends it, and so does more than one; they leave nothing", {
  timeout: 60_000,
}, async () => {
  const before = readdirSync(folder.path);
  const out = at("never.npy");
  const running = startVq(
    `kmeans ${at("long.npy")} --k 5000 --iterations 100000 --batch 10000 --out ${out} --json`.split(
      " ",
    ),
    (child, stdout) => {
      if (stdout.includes('"iteration"')) child.kill("SIGINT");
    },
  );
  const { code, stderr } = await running;
  expect([code, stderr]).toEqual([130, ""]);
  expect(readdirSync(folder.path)).toEqual(before);
});

test("mini-batches of all vectors are all vectors, and so is their error", async () => {
  const line = `kmeans ${file} --k 2 --iterations 3 --out ${at("all.npy")} --json`.split(" ");
  const errors = await Promise.all(
    [[], ["--batch", String(rows)]].map(async (batch) => {
      const { stdout } = await runVq([...line, ...batch]);
      return JSON.parse(stdout.trim().split("\n").at(-1) as string).error;
    }),
  );
  expect(errors[1]).toBe(errors[0]);
});

test("what can't be written is told before anything is read", async () => {
  const missing = ["--k", "2", "--out", join(at("none"), "o.npy")];
  const { stderr } = await runVq(["kmeans", file, ...missing]);
  expect(stderr).toBe(
    `vq: ${join(at("none"), "o.npy")}: expected to write the file, got no such file or folder\n`,
  );
});

describe("wrong commands are one line, and change nothing", () => {
  test.each([
    [[file, "--k", "0", "--out", at("o.npy")], 2, "Expected an integer of at least 1"],
    [
      [file, "--k", "601", "--out", at("o.npy")],
      1,
      "kmeans: vectors: expected at least as many as clusters, 601, got 600",
    ],
    [[file, "--k", "2", "--out", at("o.vq")], 2, "--out: expected a .npy file, got"],
    [
      [file, "--k", "2", "--out", at("o.npy"), "--labels", at("o.npy")],
      2,
      "--labels: expected another file than --out",
    ],
    [[file, "--k", "2", "--out", file], 2, "--out: expected another file than the vectors"],
    [
      [file, "--k", "2", "--out", at("o.npy"), "--labels", `${folder.path}/./vectors.npy`],
      2,
      "--labels: expected another file than the vectors",
    ],
    [
      [file, "--k", "2", "--out", at("weights.npy"), "--weights", at("weights.npy")],
      2,
      "--out: expected another file than --weights",
    ],
    [
      [file, "--k", "2", "--out", at("o.npy"), "--weights", file],
      1,
      "expected [600], as many as vectors, got [600, 3]",
    ],
    [[file, "--k", "2", "--out", at("o.npy"), "--init", file], 1, "expected [2, 3], got [600, 3]"],
    [
      [file, "--k", "2", "--out", at("o.npy"), "--columns", "a"],
      2,
      "--columns: expected a .parquet file",
    ],
    [
      [at("none.npy"), "--k", "2", "--out", at("o.npy")],
      1,
      "expected a readable file, got no such file",
    ],
    [
      [file, "--k", "2", "--out", join(at("none"), "o.npy")],
      1,
      "expected to write the file, got no such",
    ],
  ])("%j", async (args, code, message) => {
    const before = contentsOf(folder.path);
    const got = await runVq(["kmeans", ...args]);
    expect(got.code).toBe(code);
    expect(got.stdout).toBe("");
    expect(got.stderr.trim().split("\n").at(-1)).toContain(message);
    expect(contentsOf(folder.path)).toEqual(before);
    expect(existsSync(at("o.npy"))).toBe(false);
  });
});
