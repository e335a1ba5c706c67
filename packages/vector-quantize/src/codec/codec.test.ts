import { numpy as np, random, tree } from "@jax-js/jax";
import { afterAll, describe, expect, it } from "vitest";
import { leakedBytes } from "../../../../test/leak.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import { fsq } from "../quantizers/fsq.ts";
import { groupedResidualVQ } from "../quantizers/groupedResidualVQ.ts";
import { hierarchicalVQ } from "../quantizers/hierarchicalVQ.ts";
import { identity } from "../quantizers/identity.ts";
import { lfq } from "../quantizers/lfq.ts";
import { productVQ } from "../quantizers/productVQ.ts";
import { randomProjectionQuantizer } from "../quantizers/randomProjectionQuantizer.ts";
import { residualVQ } from "../quantizers/residualVQ.ts";
import { simVQ } from "../quantizers/simVQ.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { codecFromBytes } from "./codecFromBytes.ts";
import { createCodec } from "./createCodec.ts";
import { piecesOf } from "./vectorPieces.ts";

const vq = { dim: 6, codebookSize: 12 } as const;
const wide = { codebookDim: 64, heads: 4, dim: 64 } as const; // 256 features between
const images = { dim: 4, codebookSize: 8, scales: [1, 2, 3] };
const books = { dim: 6, codebookSize: 16, codebookDim: 3, numCodebooks: 2 };

const rows: [name: string, quantizer: Quantizer, shape: number[]][] = [
  ["one token", vectorQuantize(vq), [7, 6]],
  ["channel last", vectorQuantize(vq), [2, 3, 19, 6]],
  ["channel first", vectorQuantize({ ...vq, layout: "channelFirst" }), [3, 6, 19]],
  ["channel first, one token", vectorQuantize({ ...vq, layout: "channelFirst" }), [21, 6]],
  ["images", vectorQuantize({ ...vq, layout: "image", codebookDim: 4 }), [2, 6, 3, 5]],
  ["images of a pixel", vectorQuantize({ ...vq, layout: "image" }), [5, 6, 1, 1]],
  ["videos", vectorQuantize({ ...vq, layout: "video" }), [2, 6, 2, 3, 3]],
  ["heads", vectorQuantize({ ...vq, heads: 2, codebookDim: 3, metric: "cosine" }), [2, 9, 6]],
  ["residual", residualVQ({ ...vq, numQuantizers: 3 }), [2, 17, 6]],
  ["groups", groupedResidualVQ({ ...vq, numQuantizers: 2, groups: 2 }), [2, 17, 6]],
  [
    "groups of images",
    groupedResidualVQ({ ...vq, numQuantizers: 2, groups: 3, layout: "image" }),
    [2, 6, 3, 7],
  ],
  ["fsq", fsq({ levels: [4, 3, 5], dim: 6 }), [2, 33, 6]],
  ["indices of several words", lfq({ codebookSize: 2 ** 40 }), [2, 9, 40]],
  ["other outputs", randomProjectionQuantizer({ ...books, dim: 8 }), [3, 11, 8]],
  ["hierarchical", hierarchicalVQ(images), [11, 4, 3, 3]],
  ["simVQ", simVQ(vq), [2, 9, 6]],
  ["parts", productVQ({ dim: 6, parts: 3, rotation: "learned" }), [2, 9, 6]],
];

const data = (shape: number[], seed = 1) =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(seed * i * i));

describe.each(rows)("%s", (_, quantizer, shape) => {
  const variables = quantizer.init(random.key(3));
  const codec = createCodec(quantizer, tree.ref(variables as never));
  afterAll(() => {
    codec.dispose();
    tree.dispose(variables as never);
  });

  it("gives what the quantizer gives", async () => {
    const x = data(shape);
    const own = () => tree.ref(variables as never) as typeof variables;
    const indices = await quantizer.encode(own(), np.array(x, { shape }));
    const decoded = quantizer.decode(own(), indices.ref);
    const codes = await codec.encode(x, { shape });
    const output = await codec.decode(codes, { shape: codes.shape });
    expect(codes.shape).toEqual(indices.shape);
    expect(output.shape).toEqual(decoded.shape);
    expect(codes).toEqual(await indices.data());
    expect(output).toEqual(await decoded.data());
  });

  it("comes out of its bytes", async () => {
    const again = codecFromBytes(await codec.toBytes());
    const x = data(shape, 2);
    const codes = await again.encode(x, { shape });
    expect(codes).toEqual(await codec.encode(x, { shape }));
    expect(await again.decode(codes, codes)).toEqual(await codec.decode(codes, codes));
    again.dispose();
  });
});

it.each([
  [vectorQuantize({ ...wide, codebookSize: 4 }), [40_001, 64]],
  [vectorQuantize({ ...wide, codebookSize: 4, layout: "channelFirst" }), [3, 64, 13_000]],
])("what is too large goes through in pieces", async (quantizer, shape) => {
  const variables = quantizer.init(random.key(3));
  const codec = createCodec(quantizer, tree.ref(variables));
  const x = data(shape);
  const whole = await quantizer.encode(tree.ref(variables), np.array(x, { shape }));
  const codes = await codec.encode(x, { shape });
  expect(codes.shape).toEqual(whole.shape);
  expect(
    Buffer.compare(Buffer.from(codes.buffer), Buffer.from((await whole.ref.data()).buffer)),
  ).toBe(0);
  const output = await codec.decode(codes, codes);
  const decoded = (await quantizer.decode(variables, whole).data()) as Float32Array;
  expect(Math.max(...[0, 1, 2, 3].map((part) => furthest(output, decoded, part)))).toBe(0);
  codec.dispose();
});

function furthest(a: Float32Array, b: Float32Array, part: number): number {
  let most = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = part; i < a.length; i += 4) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}

it("pieces cover everything, in few sizes", () => {
  const rooms = new Set<number>();
  for (let count = 1; count < 5000; count += 3) {
    let next = 0;
    for (const { first, taken, room } of piecesOf(count, 2 ** 12)) {
      expect(first).toBe(next);
      expect(taken).toBeLessThanOrEqual(room);
      expect(room).toBeLessThanOrEqual(Math.max(taken * 1.125, taken + 1));
      expect(room * 2 ** 12).toBeLessThanOrEqual(2 ** 22);
      rooms.add(room);
      next = first + taken;
    }
    expect(next).toBe(count);
  }
  expect(rooms.size).toBeLessThan(80);
});

describe("a codec", () => {
  const quantizer = residualVQ({ dim: 4, codebookSize: 8, numQuantizers: 2 });
  const make = () => createCodec(quantizer, quantizer.init(random.key(0)));

  it("takes overlapping calls, the last of which disposal lets end", async () => {
    const codec = make();
    const inputs = [1, 2, 3, 4].map((seed) => data([1, 20 + seed, 4], seed));
    const shapes = inputs.map(({ length }) => [1, length / 4, 4]);
    const alone: Int32Array[] = [];
    for (const [at, x] of inputs.entries())
      alone.push(await codec.encode(x, { shape: shapes[at]! }));
    const overlapping = inputs.map((x, at) => codec.encode(x, { shape: shapes[at]! }));
    codec.dispose();
    expect(await Promise.all(overlapping)).toEqual(alone);
  });

  it("is of no use once it is disposed of", async () => {
    const variables = quantizer.init(random.key(0));
    const arrays = tree.leaves(variables as never) as np.Array[];
    const codec = createCodec(quantizer, variables);
    codec.dispose();
    codec.dispose();
    expect(arrays.map(({ refCount }) => refCount)).toEqual(arrays.map(() => 0));
    const gone = (call: string) =>
      `codec.${call}: expected a codec in use, got one that is disposed of`;
    await expect(codec.encode(new Float32Array(4), { shape: [1, 4] })).rejects.toThrow(
      gone("encode"),
    );
    await expect(codec.decode(new Int32Array(2), { shape: [1, 2] })).rejects.toThrow(
      gone("decode"),
    );
    await expect(codec.toBytes()).rejects.toThrow(gone("toBytes"));
  });

  it.each([
    [[1, 2], { shape: [1, 4] }, "codec.encode: x: expected a Float32Array, got [1, 2]"],
    [new Float64Array(4), { shape: [1, 4] }, "x: expected a Float32Array, got Float64Array"],
    [new Float32Array(4), undefined, "codec.encode: options: expected { shape }, got undefined"],
    [new Float32Array(4), {}, "codec.encode: shape: expected a list of sizes, got undefined"],
    [new Float32Array(4), { shape: [1.5, 4] }, "shape: expected an integer of at least 0, got 1.5"],
    [new Float32Array(4), { shape: [2, 4] }, "x: expected 8 numbers for shape [2,4], got 4"],
    [new Float32Array(6), { shape: [2, 3] }, "feature size of x [2,3]: expected dim = 4, got 3"],
    [new Float32Array(0), { shape: [0, 4] }, "shape of x: expected at least one vector"],
    [
      new Float32Array(4),
      { shape: [1, 4], mask: [1] },
      'codec.encode: option "mask": expected one',
    ],
  ])("refuses to encode %o", async (x, options, message) => {
    const codec = make();
    await expect(codec.encode(x as never, options as never)).rejects.toThrow(message);
    codec.dispose();
  });

  it.each([
    [new Float32Array(2), { shape: [1, 2] }, "codec.decode: indices: expected an Int32Array"],
    [
      Int32Array.of(0, 8),
      { shape: [1, 2] },
      "layer 1, row 0: expected 0 to 7, or -1 for none, got 8",
    ],
    [
      Int32Array.of(-2, 0),
      { shape: [1, 2] },
      "layer 0, row 0: expected 0 to 7, or -1 for none, got -2",
    ],
    [Int32Array.of(0, 0, 0), { shape: [1, 3] }, "shape of indices: expected [..., 1 to 2]"],
    [Int32Array.of(0), { shape: [1] }, "shape of indices: expected [..., 1 to 2]"],
    [Int32Array.of(), { shape: [0, 2] }, "codec.decode: shape of indices: expected at least one"],
    [Int32Array.of(0, 0), { shape: [1, 2], sise: [2, 2] }, "Did you mean size?"],
    [Int32Array.of(0, 0), { shape: [1, 2], size: [2, 2] }, "size: expected none for residualVQ"],
  ])("refuses to decode %o", async (indices, options, message) => {
    const codec = make();
    await expect(codec.decode(indices as never, options as never)).rejects.toThrow(message);
    codec.dispose();
  });

  it("gives -1 for what is not finite, and decodes that", async () => {
    const single = vectorQuantize({ dim: 2, codebookSize: 4 });
    const codec = createCodec(single, single.init(random.key(0)));
    const codes = await codec.encode(Float32Array.of(Number.NaN, 1, 1, 2), { shape: [2, 2] });
    expect(codes[0]).toBe(-1);
    expect([...(await codec.decode(codes, codes))].map(Number.isNaN)).toEqual([
      true,
      true,
      false,
      false,
    ]);
    codec.dispose();
  });

  it("decodes fewer layers, and images of a size", async () => {
    const codec = make();
    const coarse = await codec.decode(Int32Array.of(1, 2, 3), { shape: [3, 1] });
    expect(coarse.shape).toEqual([3, 4]);
    codec.dispose();
    const pictures = hierarchicalVQ(images);
    const other = createCodec(pictures, pictures.init(random.key(0)));
    const codes = await other.encode(data([2, 4, 6, 5]), { shape: [2, 4, 6, 5] });
    expect((await other.decode(codes, { shape: codes.shape, size: [6, 5] })).shape).toEqual([
      2, 4, 6, 5,
    ]);
    other.dispose();
  });

  it("is made of a quantizer with codes and its variables alone", () => {
    const variables = () => quantizer.init(random.key(0));
    const wrong: [unknown, unknown, string][] = [
      [null, variables(), "createCodec: quantizer: expected a quantizer, got null"],
      [{ ...quantizer }, variables(), "quantizer: expected one of this library's"],
      [vectorQuantize(vq), variables(), "Are these the variables of another quantizer?"],
      [identity({ dim: 4 }), { params: {}, state: {} }, 'a quantizer with codes, got "identity"'],
    ];
    for (const [given, own, message] of wrong) {
      expect(() => createCodec(given as never, own as never)).toThrow(message);
      for (const array of tree.leaves(own as never) as np.Array[]) expect(array.refCount).toBe(0);
    }
  });

  it("refuses bytes of anything else", () => {
    expect(() => codecFromBytes(new Uint8Array(3), { file: "a.codec" })).toThrow(/^a\.codec: /);
    const nothing = new Uint8Array();
    expect(() => codecFromBytes(nothing, null as never)).toThrow(
      "codecFromBytes: options: expected",
    );
    expect(() => codecFromBytes(nothing, { objekts: {} } as never)).toThrow(
      "Did you mean objects?",
    );
  });

  it("leaves nothing behind, whatever the lengths", async () => {
    const codec = make();
    const run = async () => {
      for (let n = 100; n < 104; n++) {
        const codes = await codec.encode(data([n, 4]), { shape: [n, 4] });
        await codec.decode(codes, codes);
        await codec.encode(new Float32Array(5), { shape: [1, 5] }).catch(() => {});
      }
    };
    expect(await leakedBytes(run)).toBe(0);
    codec.dispose();
  });
});
