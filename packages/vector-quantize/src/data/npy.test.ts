import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { npyHeader, parseNpy, writeNpy } from "./npy.ts";

const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`./fixtures/${name}.npy`, import.meta.url)));

describe("files written by NumPy", () => {
  test.each([
    ["u1", Uint8Array],
    ["i1", Int8Array],
    ["u2", Uint16Array],
    ["i2", Int16Array],
    ["u4", Uint32Array],
    ["i4", Int32Array],
    ["i8", Int32Array],
    ["f4", Float32Array],
    ["f8", Float64Array],
  ])("of type %s", (name, type) => {
    expect(parseNpy(fixture(name))).toEqual({ shape: [2, 3], data: type.of(0, 1, 2, 3, 4, 5) });
  });

  test("of float16, as float32", () => {
    const { shape, data } = parseNpy(fixture("f2"));
    const wanted = parseNpy(fixture("f2_as_f4"));
    expect(shape).toEqual(wanted.shape);
    expect(data).toEqual(wanted.data); // NaN and -0 too
  });

  test("a part at a time", () => {
    const bytes = fixture("f2");
    const { shape, begin, size, itemSize, read } = npyHeader(bytes.subarray(0, 128));
    expect([shape, begin, size, itemSize]).toEqual([[267], 128, 534, 2]);
    expect(read(bytes.subarray(begin + 20, begin + 40))).toEqual(
      (parseNpy(fixture("f2_as_f4")).data as Float32Array).slice(10, 20),
    );
    expect(() => npyHeader(bytes.subarray(0, 60), "x.npy")).toThrow(
      "x.npy: expected a header of 128 bytes, got 60",
    );
  });

  test("of bools, and of versions 2 and 3", () => {
    expect(parseNpy(fixture("b1")).data).toEqual(Uint8Array.of(0, 1, 0, 1, 0, 1));
    for (const name of ["version2", "version3"]) {
      expect(parseNpy(fixture(name)).data).toEqual(Float32Array.of(0, 1, 2, 3, 4, 5));
    }
  });

  test("of 0 and 1 axes, and of no numbers", () => {
    expect(parseNpy(fixture("scalar"))).toEqual({ shape: [], data: Int32Array.of(7) });
    expect(parseNpy(fixture("vector"))).toEqual({ shape: [2], data: Float32Array.of(1.5, -2.5) });
    expect(parseNpy(fixture("empty"))).toEqual({ shape: [0, 4], data: new Float32Array(0) });
  });

  test.each(["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8", "scalar", "vector", "empty"])(
    "%s is written back byte for byte",
    (name) => {
      expect(writeNpy(parseNpy(fixture(name)))).toEqual(fixture(name));
    },
  );
});

test.each([
  ["fortran", 'x.npy: expected an array in C order, got "Fortran order"'],
  ["big_endian", "x.npy: dtype: expected one of |b1"],
  ["complex", 'got "<c8"'],
  ["wide", "x.npy: expected 64-bit integers that fit into 32 bits, got 2147483648"],
  ["fields", "x.npy: header: expected descr (one type), fortran_order and shape"],
])("%s is an error", (name, message) => {
  expect(() => parseNpy(fixture(name), "x.npy")).toThrow(message);
});

test("a file cut anywhere is an error", () => {
  const bytes = fixture("f4");
  for (let length = 0; length < bytes.length; length++) {
    expect(() => parseNpy(bytes.subarray(0, length), "x.npy")).toThrow(/^x\.npy: /);
  }
  const longer = new Uint8Array([...bytes, 0]);
  expect(() => parseNpy(longer)).toThrow("npy: [2,3]: expected 24 bytes, got 25");
});

test("another version, and no .npy file at all", () => {
  const version9 = fixture("f4").with(6, 9);
  expect(() => parseNpy(version9)).toThrow("npy: format version: expected 1, 2 or 3, got 9");
  expect(() => parseNpy(new Uint8Array(20))).toThrow("which begins with \\x93NUMPY");
  expect(() => parseNpy(new ArrayBuffer(20) as never)).toThrow(
    "npy: expected the bytes of a file, a Uint8Array, got ArrayBuffer. Wrap it: new Uint8Array(buffer)",
  );
});

test("what is no typed array cannot be written", () => {
  expect(() => writeNpy({ shape: [2], data: [1, 2] as never })).toThrow(
    "writeNpy: data: expected a typed array, got [1, 2]",
  );
});

test("numbers that don't fill the shape cannot be written", () => {
  expect(() => writeNpy({ shape: [3], data: Int32Array.of(1) })).toThrow(
    "writeNpy: expected 3 numbers for shape [3], got 1",
  );
});
