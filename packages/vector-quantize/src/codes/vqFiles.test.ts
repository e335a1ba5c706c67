import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { numbers } from "../../../../test/support/numbers.ts";
import { ByteWriter, crc32c } from "./bytes.ts";
import type { VqPicture } from "./group.ts";
import type { CodeLayer } from "./layers.ts";
import { openVq } from "./openVq.ts";
import { streamVq } from "./streamVq.ts";
import { createVqWriter, type VqWriterOptions, vqBytes } from "./writer.ts";

const layers: CodeLayer[] = [
  { size: 6, order: Uint32Array.of(3, 1, 0, 2, 5, 4) },
  { size: 12, levels: [3, 4] },
];

/** Pictures of several shapes, with names and without. */
function pictures(count: number, seed = 1): VqPicture[] {
  const draw = numbers(seed);
  return Array.from({ length: count }, (_, i) => {
    const shape = [2 + draw(3), 2 + (i >> 2)];
    const codes = Int32Array.from({ length: shape[0]! * shape[1]! * 2 }, (_, j) =>
      j % 2 ? draw(12) : draw(3),
    );
    const size = [shape[0]! * 4 - draw(2), shape[1]! * 4];
    return i % 3 === 2 ? { shape, codes } : { shape, codes, size, name: `ordner/bild-${i}.jpg` };
  });
}

const options: VqWriterOptions = { layers, groupPositions: 40 };

async function all(generator: AsyncIterable<VqPicture>): Promise<VqPicture[]> {
  const found: VqPicture[] = [];
  for await (const picture of generator) found.push(picture);
  return found;
}

/** The bytes in parts of so many. */
function* parts(bytes: Uint8Array, length: number) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

describe("a file", () => {
  test("gives back what was written, by number, by name, in order and as a stream", async () => {
    const written = pictures(23);
    const bytes = await vqBytes(written, { ...options, model: "sha256:1", metadata: { a: [1] } });
    const file = await openVq(bytes);
    expect(file.header).toEqual({ layers, model: "sha256:1", metadata: { a: [1] } });
    expect([file.count, file.bytes, file.damage]).toEqual([23, bytes.length, []]);
    expect(await all(file.pictures())).toEqual(written);
    for (const number of [22, 0, 11, 12]) {
      expect(await file.picture(number)).toEqual(written[number]);
    }
    expect(await file.find("ordner/bild-13.jpg")).toBe(13);
    expect(await file.find("bild-13.jpg")).toBe(undefined);
    const entries = await all(file.entries() as never);
    expect(entries).toEqual(
      written.map(({ codes: _, ...entry }, number) => ({ ...entry, number })),
    );
    for (const length of [1, 7, 1e6]) {
      const stream = await streamVq(parts(bytes, length));
      expect(stream.header).toEqual(file.header);
      expect(await all(stream.pictures())).toEqual(written);
    }
  });

  test("gives its first layers alone", async () => {
    const written = pictures(9);
    const bytes = await vqBytes(written, options);
    const coarse = written.map(({ codes, ...rest }) => {
      return { ...rest, codes: codes.filter((_, i) => i % 2 === 0) };
    });
    const file = await openVq(bytes);
    expect(await all(file.pictures({ layers: 1 }))).toEqual(coarse);
    expect(await file.picture(3, { layers: 1 })).toEqual(coarse[3]);
    const stream = await streamVq([bytes]);
    expect(await all(stream.pictures({ layers: 1 }))).toEqual(coarse);
    await expect(file.picture(3, { layers: 3 })).rejects.toThrow(
      "layers: expected at most 2, got 3",
    );
  });

  test("of no pictures, and of pictures without a code", async () => {
    expect(await all((await openVq(await vqBytes([], options))).pictures())).toEqual([]);
    const empty = [
      { shape: [0, 3], codes: new Int32Array(0) },
      { shape: [], codes: Int32Array.of(-1, -1), size: [2 ** 20, 2 ** 20] },
    ];
    const bytes = await vqBytes(empty, options);
    expect(await all((await openVq(bytes)).pictures())).toEqual(empty);
    expect(await all((await streamVq([bytes])).pictures())).toEqual(empty);
  });

  test("comes back, whatever its pictures", async () => {
    const names = fc.option(fc.string({ minLength: 1, unit: "grapheme" }), { nil: undefined });
    const picture = fc.record({
      name: names,
      shape: fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(picture),
        fc.integer({ min: 1, max: 99 }),
        async (list, groupPositions) => {
          const draw = numbers(groupPositions);
          const written = list.map(({ name, shape }): VqPicture => {
            const count = shape.reduce((a, b) => a * b, 1);
            const codes = Int32Array.from({ length: count * 2 }, () => draw(7) - 1);
            const sound = name !== undefined && !/\p{Cc}|\p{Cs}|^[\\/]|\.\./u.test(name);
            return { shape, codes, ...(sound && { name }) };
          });
          const bytes = await vqBytes(written, { layers, groupPositions });
          expect(await all((await openVq(bytes)).pictures())).toEqual(written);
          expect(await all((await streamVq(parts(bytes, 5))).pictures())).toEqual(written);
        },
      ),
    );
  });

  test("takes names that lead nowhere else, and no others", async () => {
    const write = (name: string) => vqBytes([{ name, shape: [0], codes: [] as never }], options);
    for (const name of ["a/b.jpg", "..a", "ä ö/日本.png", "a..b"]) await write(name);
    for (const name of ["", "/a", "../a", "a/../../b", "a\\..\\b", "\\a", "a\nb", "\ud800"]) {
      await expect(write(name), name).rejects.toThrow(/^picture 0: name: expected/);
    }
  });

  test("without the orders of its codes needs the ones that it was written with", async () => {
    const written = pictures(4);
    const bytes = await vqBytes(written, { ...options, storeOrders: false });
    const orders = layers.map(({ order }) => order);
    expect(await all((await openVq(bytes, { orders })).pictures())).toEqual(written);
    const without = await openVq(bytes);
    const heads = written.map(({ codes: _, ...entry }, number) => ({ ...entry, number }));
    const told: unknown[] = [];
    for await (const entry of without.entries()) told.push(entry);
    expect(told).toEqual(heads);
    await expect(without.picture(0)).rejects.toThrow(
      "vq: header: layer 0: order: expected the order of its codes, got undefined. The file was",
    );
    const other = [Uint32Array.of(0, 1, 2, 3, 4, 5)];
    await expect(openVq(bytes, { orders: other })).rejects.toThrow("written with, got another");
  });

  test("is read from an open file, a Blob and a stream of a page, no more of it than needed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "vq-"));
    try {
      const written = pictures(60);
      const bytes = await vqBytes(written, options);
      writeFileSync(join(folder, "a.vq"), bytes);
      const handle = await open(join(folder, "a.vq"));
      try {
        expect(await (await openVq(handle)).picture(41)).toEqual(written[41]);
      } finally {
        await handle.close();
      }
      const blob = new Blob([bytes]);
      expect(await (await openVq(blob)).picture(41)).toEqual(written[41]);
      const stream = await streamVq(blob.stream());
      expect(await all(stream.pictures())).toEqual(written);
      let read = 0;
      const file = await openVq({
        size: bytes.length,
        read(offset, length) {
          read += length;
          return bytes.subarray(offset, offset + length);
        },
      });
      read = 0;
      await file.picture(41);
      expect(read).toBeLessThan(bytes.length / 4);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** A file whose header is this text, with the right checksum. */
async function withHeader(json: unknown): Promise<Uint8Array> {
  const whole = await vqBytes([], { layers: [{ size: 2 }] });
  const text = new TextEncoder().encode(JSON.stringify(json));
  const body = [text.length, ...text];
  const start = new ByteWriter().raw(whole.subarray(0, 8)).uint32(body.length);
  const end = whole.subarray(16 + new DataView(whole.buffer).getUint32(8, true));
  return start
    .uint32(crc32c(Uint8Array.from(body)))
    .raw(body)
    .raw(end)
    .done();
}

test.each([
  [null, "layers: expected a list of objects, got undefined"],
  [{ layers: [null] }, "layers: expected a list of objects, got [null]"],
  [{ layers: [] }, "layers: expected a list of 1 to 4096 layers"],
  [{ layers: [{ size: "2" }] }, "layers[0].size: expected an integer"],
  [{ layers: [{ size: 4, levels: 3 }] }, "layers[0].levels: expected a list"],
  [{ layers: [{ size: 4, order: null }] }, "order: expected an object, got null"],
  [{ layers: [{ size: 2 ** 31, order: { stored: true } }] }, "expected 8321499136 more bytes"],
  [{ layers: [{ size: 4 }], model: {} }, "model: expected a text, got Object"],
])("a header of %j is refused", async (json, message) => {
  const refusal = openVq(await withHeader(json));
  await expect(refusal).rejects.toThrow(/^vq: header: /);
  await expect(refusal).rejects.toThrow(message);
});

describe("a writer", () => {
  test("refuses a picture that does not fit, and goes on", async () => {
    const parts: Uint8Array[] = [];
    const writer = createVqWriter({ layers: [{ size: 4 }] }, (bytes) => parts.push(bytes));
    const good = { shape: [2], codes: Int32Array.of(0, 3), name: "a" };
    await writer.add(good);
    const bad = { ...good, codes: Int32Array.of(0, 4) };
    await expect(writer.add(bad)).rejects.toThrow(
      'picture 1, "a": codes[1]: expected an integer from -1 to 3, got 4',
    );
    await expect(writer.add({ ...good, shape: [3] })).rejects.toThrow("expected 3 indices, got 2");
    await expect(writer.add({ ...good, shape: [-2] })).rejects.toThrow(
      "shape: expected an integer",
    );
    expect((await writer.finish()).pictures).toBe(1);
    await expect(writer.add(good)).rejects.toThrow("vq add: expected a writer that is open");
    const file = await openVq(Uint8Array.from(parts.flatMap((part) => [...part])));
    expect(await all(file.pictures())).toEqual([good]);
  });

  test("keeps calls apart, and ends with an error of what it writes to", async () => {
    let fail = false;
    const writer = createVqWriter({ layers: [{ size: 4 }], groupPositions: 1 }, async () => {
      if (fail) throw new Error("disk full");
    });
    const picture = { shape: [1], codes: Int32Array.of(1) };
    const first = writer.add(picture);
    await expect(writer.add(picture)).rejects.toThrow(
      "expected a writer that is open and waited for",
    );
    await first;
    fail = true;
    await expect(writer.add(picture)).rejects.toThrow("disk full");
    await expect(writer.finish()).rejects.toThrow('got "failed"');
  });

  test("holds a copy of what is waiting", async () => {
    const parts: Uint8Array[] = [];
    const writer = createVqWriter({ layers: [{ size: 4 }] }, (bytes) => parts.push(bytes));
    const codes = Int32Array.of(1, 2);
    await writer.add({ shape: [2], codes });
    codes.fill(0);
    await writer.finish();
    const file = await openVq(Uint8Array.from(parts.flatMap((part) => [...part])));
    expect(Array.from((await file.picture(0)).codes)).toEqual([1, 2]);
  });

  test("refuses what is no JSON, or of another kind, in its header", () => {
    const make = (more: object) => () => createVqWriter({ layers, ...more }, () => {});
    expect(make({ metadata: { a: 1n } })).toThrow("createVqWriter: expected JSON, got Do not know");
    expect(make({ metadata: 3 })).toThrow("createVqWriter: metadata: expected an object, got 3");
    expect(make({ model: 3 })).toThrow("createVqWriter: model: expected a text, got 3");
  });

  test("refuses options that it does not know", () => {
    expect(() => createVqWriter({ layers, group: 3 } as never, () => {})).toThrow('option "group"');
    expect(() => createVqWriter({ layers, groupPositions: 0 }, () => {})).toThrow(
      "at least 1, got 0",
    );
  });
});

test("CRC32C is the one of RFC 3720", () => {
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
});
