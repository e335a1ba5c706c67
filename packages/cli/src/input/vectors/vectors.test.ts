import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import zlib from "node:zlib";
import { writeNpy } from "vector-quantize/data";
import { afterAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../../../test/support/vq.ts";
import { readNpyFloats } from "./npyFile.ts";
import { readVectors } from "./vectors.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const fixture = (name: string) => new URL(`./fixtures/${name}.parquet`, import.meta.url).pathname;
const wanted = { rows: 4, dim: 3, values: Float32Array.from({ length: 12 }, (_, i) => i / 4) };

function save(name: string, bytes: Uint8Array): string {
  const path = join(folder.path, name);
  writeFileSync(path, bytes);
  return path;
}

describe("Parquet", () => {
  test("columns of numbers, in two groups of rows", async () => {
    expect(await readVectors(fixture("columns"))).toEqual(wanted);
    const { dim, values } = await readVectors(fixture("columns"), ["c", "a"]);
    expect([dim, ...values.slice(0, 4)]).toEqual([2, 0.5, 0, 1.25, 0.75]);
  });

  test("columns of lists", async () => {
    expect(await readVectors(fixture("lists"), ["v"])).toEqual(wanted);
    expect(await readVectors(fixture("fixed"))).toEqual(wanted);
  });

  test("other kinds of numbers, and of packing", async () => {
    const kinds = readVectors(fixture("kinds"));
    if ("zstdDecompressSync" in zlib) {
      expect((await kinds).values).toEqual(Float32Array.of(0, 1, 0.75, 2, 1.5, 3, 2.25, 4));
    } else await expect(kinds).rejects.toThrow("Node 22.15 and newer unpack");
    expect((await readVectors(fixture("brotli"))).values).toEqual(
      Float32Array.of(0, 0.75, 1.5, 2.25),
    );
  });

  test.each([
    [
      "lists",
      undefined,
      'column "id", row 0: expected a number, got string. --columns names those',
    ],
    ["columns", ["a", "d"], 'column "d": expected one of a, b, c'],
    ["holes", undefined, 'column "a", row 1: expected a number, got none'],
    ["ragged", undefined, 'column "v", row 1: expected 2 numbers as in row 0, got 1'],
    ["gap", undefined, 'column "v", row 1: expected 2 numbers as in row 0, got none'],
    ["empty", undefined, "expected vectors, got none"],
    [
      "lz4",
      undefined,
      "expected a Parquet file that can be read, got parquet unsupported compression",
    ],
    ["none", undefined, "expected a readable file, got no such file or folder"],
  ])("%s %j is an error", async (name, columns, message) => {
    await expect(readVectors(fixture(name), columns)).rejects.toThrow(message);
  });

  test("a file that is cut or altered is an error, or holds numbers", async () => {
    const bytes = readFileSync(fixture("columns"));
    for (let i = 0; i < bytes.length; i += 7) {
      const cut = save("cut.parquet", bytes.subarray(0, i));
      await expect(readVectors(cut)).rejects.toThrow(/^\S+: expected /);
      const altered = Buffer.from(bytes);
      altered[i]! ^= 0x55;
      await readVectors(save("altered.parquet", altered)).catch((error: Error) => {
        expect(error.name).toBe("Failure");
      });
    }
  });
});

describe("npy", () => {
  test("of several parts equals the whole", async () => {
    const data = Float64Array.from({ length: 2 ** 21 + 12 }, (_, i) => i % 1009);
    const path = save("long.npy", writeNpy({ shape: [data.length / 4, 4], data }));
    const { rows, dim, values } = await readVectors(path);
    expect([rows, dim]).toEqual([2 ** 19 + 3, 4]);
    expect(values.findIndex((value, i) => value !== i % 1009)).toBe(-1);
  });

  test("wrong files are named", async () => {
    const whole = writeNpy({ shape: [2, 3], data: new Float32Array(6) });
    const cut = save("cut.npy", whole.subarray(0, -1));
    await expect(readVectors(cut)).rejects.toThrow(`${cut}: [2,3]: expected 24 bytes, got 23`);
    const one = save("one.npy", writeNpy({ shape: [6], data: new Float32Array(6) }));
    await expect(readVectors(one)).rejects.toThrow(`${one}: expected vectors [N, D], got [6]`);
    const none = save("none.npy", writeNpy({ shape: [0, 3], data: new Float32Array(0) }));
    await expect(readVectors(none)).rejects.toThrow(`${none}: expected vectors, got none`);
    await expect(readNpyFloats(folder.path)).rejects.toThrow("got a folder");
    await expect(readVectors(one, ["a"])).rejects.toThrow("--columns: expected a .parquet file");
  });
});
