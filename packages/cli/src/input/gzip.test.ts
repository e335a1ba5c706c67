import { gzipSync } from "node:zlib";
import { writeNpy } from "vector-quantize/data";
import { expect, test } from "vitest";
import { isGzip, unpackArray } from "./gzip.ts";

/** An IDX file of images of 1024 x 1024 pixels, all 0, that claims to hold `count` of them. */
function idx(count: number, real = count): Uint8Array {
  const bytes = new Uint8Array(16 + real * 2 ** 20);
  bytes.set([0, 0, 8, 3, 0, 0, count >> 8, count & 255, 0, 0, 4, 0, 0, 0, 4, 0]);
  return bytes;
}

test("arrays come out as they went in", async () => {
  const npy = writeNpy({ shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) });
  for (const bytes of [idx(5), npy, Uint8Array.of(0, 0, 8, 9, 1), Uint8Array.of(7)]) {
    const packed = gzipSync(bytes);
    expect(isGzip(packed)).toBe(true);
    expect(Buffer.compare(await unpackArray(packed, "x.gz"), bytes)).toBe(0);
  }
});

test("what unpacks to more than it says, or says too much, is left packed", async () => {
  await expect(unpackArray(gzipSync(idx(1, 30)), "x.gz")).rejects.toThrow(
    "x.gz: expected an intact gzip file, got more bytes than its header says",
  );
  await expect(unpackArray(gzipSync(idx(2000, 30)), "x.gz")).rejects.toThrow(
    `x.gz: expected at most ${2 ** 30} bytes when unpacked, got ${16 + 2000 * 2 ** 20} by its header`,
  );
});

test("a file cut anywhere is an error, or short", async () => {
  const packed = gzipSync(idx(1));
  for (const length of [2, 6, 10, 20, packed.length - 1]) {
    await expect(unpackArray(packed.subarray(0, length), "x.gz")).rejects.toThrow(
      "x.gz: expected an intact gzip file, got unexpected end of file",
    );
  }
});
