import { expect, test } from "vitest";
import { parseIdx } from "./idx.ts";

const small = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6);

test("shape and numbers are read", () => {
  expect(parseIdx(small)).toEqual({ shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) });
});

test("a view into a larger buffer is read", () => {
  const larger = new Uint8Array([9, 9, 9, ...small]);
  expect(parseIdx(larger.subarray(3)).shape).toEqual([2, 3]);
});

test("what is no Uint8Array is refused", () => {
  const message = "idx: expected the bytes of a file, a Uint8Array, got";
  expect(() => parseIdx([...small] as never)).toThrow(message);
  expect(() => parseIdx(undefined as never)).toThrow(message);
});

test("sizes are big-endian", () => {
  const bytes = new Uint8Array(8 + 258);
  bytes.set([0, 0, 8, 1, 0, 0, 1, 2]);
  expect(parseIdx(bytes).shape).toEqual([258]);
});

test.each([
  [Uint8Array.of(), "two zero bytes"],
  [Uint8Array.of(1, 0, 8, 1), "two zero bytes"],
  [Uint8Array.of(0, 0, 13, 1, 0, 0, 0, 0), "element type: expected 8 (unsigned bytes), got 13"],
  [small.subarray(0, 10), "expected a header of 12 bytes, got 10"],
  [small.subarray(0, 17), "[2,3]: expected 6 bytes, got 5"],
  [new Uint8Array([...small, 7]), "[2,3]: expected 6 bytes, got 7"],
])("damage %#: %s", (bytes, message) => {
  expect(() => parseIdx(bytes, "x.idx")).toThrow(message);
  expect(() => parseIdx(bytes, "x.idx")).toThrow(/^x\.idx: /);
});
