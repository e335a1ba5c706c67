import { readFileSync } from "node:fs";
import { defaultDevice, init, jit, numpy as np } from "@jax-js/jax";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { HostTensor } from "./dtypes.ts";
import { float16ToNumber, numberToFloat16 } from "./halfFloats.ts";
import { readSafetensors, saveSafetensors, writeSafetensors } from "./safetensors.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensorsFormat.ts";

const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`./fixtures/${name}.safetensors`, import.meta.url)));

/** A file of any header and numbers, right or wrong. */
function file(header: unknown, numbers = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + text.length + numbers.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(numbers, 8 + text.length);
  return bytes;
}

const numbersOf = (tensor: HostTensor | undefined) => Array.from(tensor?.data ?? []);

describe("a file written by Python", () => {
  const bytes = fixture("python");
  const { tensors, metadata } = decodeSafetensors(bytes);

  test("is read", () => {
    expect(metadata).toEqual({ note: 'a "quoted" text' });
    expect(tensors.weight).toEqual({
      dtype: "float32",
      shape: [2, 3],
      data: Float32Array.of(-0.5, -0.25, 0, 0.25, 0.5, 0.75),
    });
    expect(numbersOf(tensors.special)).toEqual(
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 1e-45, 3.4e38].map(Math.fround),
    );
    expect(tensors.scalar).toMatchObject({ shape: [], data: Float32Array.of(2.5) });
    expect(tensors.empty).toMatchObject({ shape: [0, 3], data: new Float32Array(0) });
    expect(numbersOf(tensors.indices)).toEqual([-(2 ** 31), -1, 0, 2 ** 31 - 1]);
    expect(tensors.key).toMatchObject({ dtype: "uint32", data: Uint32Array.of(0, 2 ** 32 - 1) });
    expect(tensors.mask).toMatchObject({ dtype: "bool", data: Int32Array.of(1, 0, 1) });
  });

  test("is written back byte for byte", () => {
    expect(encodeSafetensors(tensors, metadata)).toEqual(bytes);
  });

  test("has other element types converted", () => {
    const converted = decodeSafetensors(fixture("converted")).tensors;
    expect(numbersOf(converted.f64)).toEqual([Math.fround(Math.PI), Number.POSITIVE_INFINITY]);
    expect(numbersOf(converted.i64)).toEqual([-(2 ** 31), 2 ** 31 - 1]);
    expect(converted.u64).toMatchObject({ dtype: "uint32", data: Uint32Array.of(0, 2 ** 32 - 1) });
    expect(numbersOf(converted.f16)).toEqual([
      1,
      -2.5,
      65504,
      2 ** -24,
      2 ** -14,
      Number.POSITIVE_INFINITY,
      -0,
      0.333251953125,
    ]);
    expect(numbersOf(converted.bf16)?.slice(0, 2)).toEqual([1, -2.5]);
    expect(numbersOf(converted.bf16)[2]).toBeCloseTo(2.9908e38, -35);
    expect(numbersOf(converted.i16)).toEqual([-(2 ** 15), 2 ** 15 - 1]);
    expect(numbersOf(converted.u16)).toEqual([0, 2 ** 16 - 1]);
    expect(numbersOf(converted.u8)).toEqual([0, 255]);
    expect(numbersOf(converted.i8)).toEqual([-128, 127]);
  });

  test("with an int64 beyond int32 is an error", () => {
    expect(() => decodeSafetensors(fixture("wide"), "wide.safetensors")).toThrow(
      'wide.safetensors: tensor "count": expected 64-bit integers from -2147483648 to 2147483647, got 2147483648',
    );
  });
});

describe("16-bit floats", () => {
  test("every number survives the way there and back", () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = float16ToNumber(bits);
      if (Number.isNaN(value)) expect(numberToFloat16(value)).toBe(0x7e00);
      else expect(numberToFloat16(value)).toBe(bits);
    }
  });

  test.each([
    [1 + 2 ** -11, 0x3c00], // half-way between 1 and the next: to even
    [1 + 3 * 2 ** -11, 0x3c02],
    [2 ** -25, 0], // half-way between 0 and the smallest
    [2 ** -25 * 1.5, 1],
    [65519, 0x7bff],
    [65520, 0x7c00],
    [-65520, 0xfc00],
  ])("%d rounds to bits %i", (value, bits) => {
    expect(numberToFloat16(value)).toBe(bits);
  });
});

describe("properties", () => {
  const shapes = fc.array(fc.nat({ max: 4 }), { maxLength: 3 });
  const tensor = fc
    .record({ dtype: fc.constantFrom("float32", "int32", "uint32", "bool"), shape: shapes })
    .chain(({ dtype, shape }) => {
      const length = shape.reduce((a, b) => a * b, 1);
      const of = { minLength: length, maxLength: length };
      const data = {
        float32: fc.float32Array(of),
        int32: fc.int32Array(of),
        uint32: fc.uint32Array(of),
        bool: fc.int32Array({ ...of, min: 0, max: 1 }),
      }[dtype as "float32"];
      return data.map((values) => ({ dtype, shape, data: values }) as HostTensor);
    });
  const names = fc.string({ unit: "grapheme" }).filter((name) => name !== "__metadata__");
  const tensors = fc.array(fc.tuple(names, tensor)).map((entries) => Object.fromEntries(entries));
  const metadata = fc.array(fc.tuple(names, fc.string())).map(Object.fromEntries);

  test("what is written is read again", () => {
    fc.assert(
      fc.property(tensors, metadata, (tensors, metadata) => {
        const bytes = encodeSafetensors(tensors, metadata);
        const read = decodeSafetensors(bytes);
        expect(read.metadata).toEqual(metadata);
        expect(read.tensors).toEqual(tensors);
      }),
    );
  });

  test("a file cut anywhere is an error, never a wrong answer", () => {
    const bytes = fixture("python");
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), (length) => {
        expect(() => decodeSafetensors(bytes.subarray(0, length))).toThrow(/^safetensors: /);
      }),
    );
  });
});

describe("damaged files", () => {
  const f32 = (begin: number, end: number) => ({
    dtype: "F32",
    shape: [(end - begin) / 4],
    data_offsets: [begin, end],
  });
  const eight = new Uint8Array(8);
  test.each([
    ["nothing at all", new Uint8Array(0), "expected a safetensors file of at least 8 bytes"],
    [
      "a header beyond the limit",
      new Uint8Array(8).fill(255),
      "expected a header of at most 100000000 bytes",
    ],
    ["a header beyond the end", file({}).subarray(0, 9), "The file is truncated"],
    ["a header that is not JSON", file("{nonsense"), "expected a header of JSON text"],
    ["a header that is a list", file([]), "expected a header that is a JSON object, got []"],
    [
      "a name twice",
      file('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"\\u0061":{}}'),
      'expected every name in the header once, got "a"',
    ],
    [
      "a metadata key twice",
      file('{"__metadata__":{"k":"1","k":"2"}}'),
      'expected every name in the header once, got "k"',
    ],
    [
      "metadata that is no text",
      file({ __metadata__: { k: 1 } }),
      'metadata "k": expected a text, got 1',
    ],
    [
      "an unknown dtype",
      file({ a: { dtype: "F8_E4M3", shape: [], data_offsets: [0, 1] } }),
      'tensor "a": expected a dtype out of BOOL',
    ],
    ["an entry that is a number", file({ a: 1 }), 'tensor "a": expected an object'],
    [
      "a negative size",
      file({ a: { dtype: "F32", shape: [-1], data_offsets: [0, 4] } }),
      'tensor "a": expected a shape of non-negative integers, got [-1]',
    ],
    [
      "one offset",
      file({ a: { dtype: "F32", shape: [], data_offsets: [0] } }),
      "expected data_offsets of two non-negative integers, got [0]",
    ],
    [
      "a range of another size than the shape",
      file({ a: { dtype: "F32", shape: [2], data_offsets: [0, 4] } }, eight),
      'tensor "a": data_offsets: expected 8 bytes for F32 [2], got 4',
    ],
    [
      "overlapping ranges",
      file({ a: f32(0, 8), b: f32(4, 8) }, eight),
      'tensor "b" overlaps the tensor before it: data_offsets: expected a range that begins at 8, got 4',
    ],
    ["a gap", file({ a: f32(4, 8) }, eight), 'tensor "a" leaves a gap before it'],
    ["too few numbers", file({ a: f32(0, 12) }, eight), "expected 12 bytes of numbers"],
    ["too many numbers", file({ a: f32(0, 4) }, eight), "bytes that belong to no tensor"],
  ])("%s", (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, "x.safetensors")).toThrow(message);
    expect(() => decodeSafetensors(bytes, "x.safetensors")).toThrow(/^x\.safetensors: /);
  });

  test.each([
    ["a zip archive", [0x50, 0x4b, 0x03, 0x04, 0, 0, 0, 0, 8, 8]],
    ["a pickle", [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20]],
  ])("of torch.save, %s: how to save another is told", (_, begin) => {
    expect(() => readSafetensors(Uint8Array.from(begin))).toThrow(
      'expected a safetensors file, got "a file of torch.save". In Python: safetensors.torch.save_file',
    );
  });

  test("no bytes at all", () => {
    const message = "safetensors: expected the bytes of a file, a Uint8Array, got";
    expect(() => readSafetensors(new ArrayBuffer(16) as never)).toThrow(message);
    expect(() => readSafetensors("model.safetensors" as never)).toThrow(message);
    expect(() => readSafetensors(undefined as never)).toThrow(message);
  });

  test("the reserved name cannot be written", () => {
    const tensor: HostTensor = { dtype: "float32", shape: [1], data: Float32Array.of(1) };
    expect(() => encodeSafetensors({ __metadata__: tensor })).toThrow(
      "a name that is not reserved",
    );
  });

  test("numbers that don't fill the shape cannot be written", () => {
    const tensor: HostTensor = { dtype: "float32", shape: [2], data: Float32Array.of(1) };
    expect(() => encodeSafetensors({ a: tensor })).toThrow(
      "expected 2 numbers for shape [2], got 1",
    );
  });
});

describe("arrays", () => {
  beforeAll(async () => {
    await init("cpu", "wasm");
    defaultDevice("wasm");
  });

  test("are read on the device and written back byte for byte", async () => {
    const bytes = fixture("python");
    const { tensors, metadata } = readSafetensors(bytes);
    expect(tensors.weight?.shape).toEqual([2, 3]);
    expect(tensors.mask?.dtype).toBe("bool");
    const kept = Object.fromEntries(Object.entries(tensors).map(([k, v]) => [k, v.ref]));
    expect(await saveSafetensors(kept, metadata)).toEqual(bytes);
    expect(tensors.weight?.refCount).toBe(1);
    const weight = tensors.weight?.ref;
    expect(writeSafetensors(tensors, metadata)).toEqual(bytes);
    expect(weight?.refCount).toBe(1);
    weight?.dispose();
  });

  test("that are views are written in order", async () => {
    const x = np.arange(6).reshape([2, 3]).transpose();
    const { tensors } = decodeSafetensors(await saveSafetensors({ x }));
    expect(tensors.x).toEqual({
      dtype: "int32",
      shape: [3, 2],
      data: Int32Array.of(0, 3, 1, 4, 2, 5),
    });
  });

  test("that are none, used up, or of a trace cannot be written", async () => {
    const usedUp = np.zeros([2]);
    usedUp.dispose();
    const wrong: [unknown, string][] = [
      [[1, 2], 'tensor "a": expected a jax-js array, got [1, 2]'],
      [null, 'tensor "a": expected a jax-js array, got null'],
      [usedUp, 'tensor "a": expected an array to take over, got one that is used up'],
    ];
    for (const [a, message] of wrong) {
      for (const write of [writeSafetensors, saveSafetensors]) {
        const b = np.ones([2]);
        await expect(async () => write({ a, b } as never)).rejects.toThrow(message);
        expect(b.refCount).toBe(0);
      }
    }
    expect(() => writeSafetensors(null as never)).toThrow("tensors: expected arrays by name");
    const traced = jit((x: np.Array) => {
      writeSafetensors({ a: x.ref });
      return x;
    });
    expect(() => traced(np.ones([2]))).toThrow(
      'expected an array with numbers, got "one of a trace"',
    );
  });

  test("of float64 cannot be written", () => {
    const x = np.zeros([1], { dtype: np.float64 });
    expect(() => writeSafetensors({ x })).toThrow('tensor "x": expected a dtype out of float32');
    expect(x.refCount).toBe(0);
  });
});
