import { describe, expect, test } from "vitest";
import { numbers } from "../../../../test/support/numbers.ts";
import { codesFromBytes, codesToBytes } from "./codesToBytes.ts";
import type { VqPicture } from "./group.ts";
import type { CodeLayer } from "./layers.ts";
import { openPrior } from "./openPrior.ts";
import { openVq } from "./openVq.ts";
import { streamVq } from "./streamVq.ts";
import { trainPrior } from "./trainPrior.ts";
import { vqBytes } from "./writer.ts";

const order = Uint32Array.from({ length: 100 }, (_, i) => (i * 7) % 100);
const layers: CodeLayer[] = [{ size: 64 }, { size: 100, order }, { size: 12, levels: [3, 4] }];

/** Pictures of one kind: each code is told by its neighbours and the layers before, but for some noise. */
function pictures(count: number, seed: number): VqPicture[] {
  const draw = numbers(seed);
  return Array.from({ length: count }, () => {
    const codes = new Int32Array(64 * 3);
    for (let i = 0; i < 64; i++) {
      const left = i % 8 > 0 ? codes[(i - 1) * 3]! : draw(64);
      const up = i > 7 ? codes[(i - 8) * 3]! : draw(64);
      codes[i * 3] = (((left + up) >> 1) + draw(4)) % 64;
      codes[i * 3 + 1] = (codes[i * 3]! * 3 + draw(8)) % 100;
      codes[i * 3 + 2] = (codes[i * 3 + 1]! + draw(2)) % 12;
    }
    return { shape: [8, 8], codes };
  });
}

const trained = await trainPrior(pictures(200, 1), { layers });
const [one] = pictures(1, 2) as [VqPicture];
const how = { shape: one.shape, layers };

async function all(generator: AsyncIterable<VqPicture>): Promise<VqPicture[]> {
  const found: VqPicture[] = [];
  for await (const picture of generator) found.push(picture);
  return found;
}

describe("a prior", () => {
  test("makes a picture small that is alone, and the codes come back", () => {
    const alone = codesToBytes(one.codes, how);
    const told = codesToBytes(one.codes, { ...how, prior: trained });
    expect(told.length).toBeLessThan(alone.length * 0.75);
    const prior = openPrior(trained.bytes);
    expect(prior.name).toBe(trained.name);
    expect(codesFromBytes(told, { ...how, prior })).toEqual(one.codes);
    const coarse = codesFromBytes(told, { ...how, prior }, 1);
    expect(coarse).toEqual(one.codes.filter((_, i) => i % 3 === 0));
    expect(() => codesFromBytes(told, how)).toThrow("expected a mode of version 1, got");
  });

  test("tells every picture the same, whatever was coded with it before", () => {
    const first = codesToBytes(one.codes, { ...how, prior: trained });
    for (const { codes } of pictures(5, 3)) codesToBytes(codes, { ...how, prior: trained });
    expect(codesToBytes(one.codes, { ...how, prior: trained })).toEqual(first);
  });

  test("is needed by the file, which says so", async () => {
    const written = pictures(9, 4);
    const bytes = await vqBytes(written, { layers, prior: trained, groupPositions: 100 });
    expect(bytes.length).toBeLessThan((await vqBytes(written, { layers })).length);
    const prior = openPrior(trained.bytes);
    const file = await openVq(bytes, { prior });
    expect(file.header).toEqual({ layers, prior: trained.name });
    expect(await all(file.pictures())).toEqual(written);
    expect(await file.picture(7)).toEqual(written[7]);
    expect(await all((await streamVq([bytes], { prior })).pictures())).toEqual(written);
    const without = await openVq(bytes); // its names and shapes can be read all the same
    expect(without.count).toBe(9);
    const missing = `vq: expected the prior ${trained.name} that the file was written with, got none`;
    await expect(without.picture(0)).rejects.toThrow(missing);
    await expect(streamVq([bytes])).rejects.toThrow(missing);
    const other = await trainPrior(pictures(20, 9), { layers });
    await expect((await openVq(bytes, { prior: other })).picture(0)).rejects.toThrow(
      `got ${other.name}. Give the option prior`,
    );
  });

  test("costs nothing where it tells nothing", async () => {
    const draw = numbers(5);
    const even = { shape: [8, 8], codes: Int32Array.from({ length: 64 }, () => draw(64)) };
    const own = { shape: even.shape, layers: [{ size: 64 }] };
    const runs = await trainPrior([{ shape: [64, 64], codes: new Int32Array(4096) }], {
      layers: own.layers,
    });
    const bare = codesToBytes(even.codes, own);
    expect(codesToBytes(even.codes, { ...own, prior: runs })).toEqual(bare);
    const holes = Int32Array.from(even.codes, (code, i) => (i % 3 ? 5 : code % 2 ? -1 : 5));
    const bytes = codesToBytes(holes, { ...own, prior: runs });
    expect(codesFromBytes(bytes, { ...own, prior: runs })).toEqual(holes);
  });

  test("is another one if anything in it is", async () => {
    const make = (shape: number[], more = {}) =>
      trainPrior([{ shape, codes: Int32Array.of(1, 1, 2, 2) }], { layers: [{ size: 4 }], ...more });
    const all = await Promise.all([make([2, 2]), make([4]), make([2, 2], { model: "a" })]);
    expect(new Set(all.map(({ name }) => name)).size).toBe(3);
    expect((await make([2, 2])).name).toBe(all[0]!.name);
  });

  test("of other layers is refused", async () => {
    const prior = trained;
    const other = [layers[0]!, { size: 100 }, layers[2]!];
    expect(() => codesToBytes(one.codes, { ...how, layers: other, prior })).toThrow(
      "prior: expected one of layers of [64, 100, 12] codes, got [64, 100, 12] in another order",
    );
    await expect(vqBytes([], { layers: [{ size: 4 }], prior })).rejects.toThrow(
      "createVqWriter: prior: expected one of layers of [4] codes, got [64, 100, 12]",
    );
    await expect(vqBytes([], { layers, prior: {} as never })).rejects.toThrow(
      "createVqWriter: prior: expected one that trainPrior or openPrior gave",
    );
  });

  test("is of whole pictures, up to 2^18 codes", async () => {
    const own = { layers: [{ size: 4 }] };
    const none = { shape: [2], codes: Int32Array.of(-1, 2) };
    const huge = { shape: [2 ** 18 + 1], codes: new Int32Array(2 ** 18 + 1) };
    await expect(trainPrior([none, huge], own)).rejects.toThrow(
      "trainPrior: pictures: expected one of up to 262144 codes, none of them -1, got []",
    );
    let asked = 0;
    const endless = (function* () {
      for (; ; asked++) yield { shape: [2 ** 16], codes: new Int32Array(2 ** 16) };
    })();
    const { bytes } = await trainPrior(endless, own);
    expect(asked).toBe(3);
    expect((await openVq(bytes)).count).toBe(4);
  });

  test("that is none, or too large, is an error", async () => {
    const bytes = await vqBytes(pictures(3, 1), { layers, groupPositions: 1 });
    expect(() => openPrior(bytes, { where: "a" })).toThrow("a: expected one group of codes");
    const needs = await vqBytes(pictures(3, 1), { layers, prior: trained });
    expect(() => openPrior(needs)).toThrow("prior: expected the prior");
    expect(() => openPrior(trained.bytes, { maxMemory: 10_000_000 })).toThrow(
      "at most 10000000 bytes of memory",
    );
    expect(() => openPrior(trained.bytes.slice(0, -1000))).toThrow(
      /^prior: expected \d+ more bytes/,
    );
    expect(() => openPrior(new Uint8Array(3))).toThrow("expected a .vq file");
    const stored = await trainPrior(pictures(3, 1), { layers, storeOrders: false });
    expect(() => openPrior(stored.bytes)).toThrow("the order of its codes");
    const orders = [undefined, order];
    expect(openPrior(stored.bytes, { orders }).name).toBe(stored.name);
  });
});
