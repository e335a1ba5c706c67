/**
 * Damaged files: a clear error or the right codes, in the memory that was allowed.
 *
 *     VQ_MUTATIONS=100000 npx vitest run packages/vector-quantize/src/codes/mutations.test.ts
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import { numbers } from "../../../../test/support/numbers.ts";
import { VectorQuantizeError } from "../errors.ts";
import type { VqPicture } from "./group.ts";
import { openPrior } from "./openPrior.ts";
import { openVq } from "./openVq.ts";
import { streamVq } from "./streamVq.ts";
import { trainPrior } from "./trainPrior.ts";
import { vqBytes } from "./writer.ts";

const mutations = Number(process.env.VQ_MUTATIONS ?? 600);
const maxMemory = 2 ** 21;

/** Without checksums the checks behind them are reached. */
const sums = vi.hoisted(() => ({ checked: true }));
vi.mock("./bytes.ts", async (original) => {
  const bytes = await original<typeof import("./bytes.ts")>();
  const checkSum: typeof bytes.checkSum = (...call) => sums.checked && bytes.checkSum(...call);
  return { ...bytes, checkSum };
});

/** Bytes of the typed arrays that were made of a number since it was set to 0. */
const taken = { bytes: 0, largest: 0 };
for (const kind of ["Int32Array", "Uint32Array", "Uint8Array"] as const) {
  const counted = new Proxy(globalThis[kind], {
    construct(target, given, made) {
      const array = Reflect.construct(target, given, made);
      if (typeof given[0] === "number") taken.bytes += array.byteLength;
      return array;
    },
  });
  vi.stubGlobal(kind, counted);
}
afterEach(() => {
  sums.checked = true;
});

const layers = [
  { size: 40, order: Uint32Array.from({ length: 40 }, (_, i) => (i * 7) % 40) },
  { size: 12, levels: [3, 4] },
];
const draw = numbers(5);
const written = Array.from({ length: 9 }, (_, i): VqPicture => {
  const shape = [3, 4 + (i >> 1)];
  const codes = Int32Array.from(
    { length: shape[0]! * shape[1]! * 2 },
    (_, j) => (j % 2 ? draw(12) : draw(4)) - (i === 4 && j % 5 === 0 ? 1 : 0),
  );
  return { shape, codes, ...(i % 2 && { name: `bilder/${i}.png`, size: [12, 17] }) };
});
const whole = await vqBytes(written, { layers, groupPositions: 40, metadata: { by: "test" } });
const prior = await trainPrior([...written, ...written, ...written], { layers });
const primed = await vqBytes(written, { layers, groupPositions: 40, prior });

/** A file with one to three things changed. */
function mutated(random: (below: number) => number, from = whole): Uint8Array {
  let bytes = [...from];
  for (let i = 0; i <= random(3); i++) {
    const at = random(bytes.length);
    const some = Array.from({ length: 1 + random(8) }, () => random(256));
    const ways = [
      () => bytes.splice(at, 1, bytes[at]! ^ (1 << random(8))),
      () => bytes.splice(at, 1, random(256)),
      () => bytes.splice(at, 1, random(2) * 255),
      () => bytes.splice(at, some.length, ...some),
      () => bytes.splice(at, random(12)),
      () => bytes.splice(at, 0, ...some),
      () => bytes.splice(at, 0, ...bytes.slice(random(bytes.length)).slice(0, random(60))),
      () => {
        bytes = bytes.slice(0, at);
      },
    ];
    ways[random(ways.length)]!();
  }
  return Uint8Array.from(bytes);
}

const text = ({ name, shape, size, codes }: VqPicture) =>
  JSON.stringify([name, shape, size, [...codes]]);
const originals = new Set(written.map(text));

/** What was read, and what was said about the rest. */
async function read(bytes: Uint8Array, stream: boolean) {
  const pictures: VqPicture[] = [];
  const errors: unknown[] = [];
  const onDamage = (error: unknown) => errors.push(error);
  try {
    const options = { where: "a.vq", maxMemory, prior };
    const open = stream ? undefined : await openVq(bytes, options);
    for (const line of open?.damage ?? []) errors.push(new VectorQuantizeError(line));
    const file = open ?? (await streamVq([bytes], options));
    for await (const picture of file.pictures({ onDamage })) pictures.push(picture);
  } catch (error) {
    errors.push(error);
  }
  return { pictures, errors };
}

/** Every error is ours and names the file. */
function expectClear(errors: readonly unknown[]): void {
  for (const error of errors) {
    expect(String(error)).toMatch(/^VectorQuantizeError: a\.vq\b.*: expected .+, got .+/);
  }
}

describe("damaged files", () => {
  test("give the right codes, or errors that name the file", async () => {
    for (let i = 0; i < mutations; i++) {
      const bytes = mutated(numbers(i));
      const { pictures, errors } = await read(bytes, i % 2 === 0);
      expectClear(errors);
      for (const picture of pictures) expect(originals.has(text(picture)), `${i}`).toBe(true);
      if (errors.length === 0) expect(pictures.length, `${i}`).toBe(written.length);
    }
  }, 3_600_000);

  test("whose checksums are right give codes below their bounds, or errors, in the memory allowed", async () => {
    sums.checked = false;
    for (let i = 0; i < mutations; i++) {
      const bytes = mutated(numbers(i));
      taken.bytes = 0;
      const { pictures, errors } = await read(bytes, i % 2 === 0);
      const groups = 10; // as many as can be, each of which may take all of it
      expect(taken.bytes, `${i}`).toBeLessThan(groups * 2 * maxMemory);
      expectClear(errors);
      for (const { codes, shape } of pictures) {
        expect(codes.length % shape.reduce((a, b) => a * b, 1) || 0).toBe(0);
      }
    }
  }, 3_600_000);

  test("lose one group for one byte, and say which", async () => {
    const begin = 16 + new DataView(whole.buffer).getUint32(8, true);
    const file = await openVq(whole);
    expect(file.count).toBe(9);
    for (let at = begin; at < whole.length; at += 3) {
      const bytes = whole.slice();
      bytes[at]! ^= 1 << (at % 8);
      const { pictures, errors } = await read(bytes, false);
      expect(errors.length, `${at}`).toBeGreaterThan(0);
      expect(pictures.length, `${at}`).toBeGreaterThanOrEqual(written.length - 4);
    }
  });
});

describe("damaged files that need a prior", () => {
  test.each([true, false])(
    "give the right codes, or errors; checksums: %s",
    async (checked) => {
      expect(primed.length).toBeLessThan(whole.length - 40);
      expect((await read(primed, true)).pictures).toEqual(written);
      sums.checked = checked;
      for (let i = 0; i < mutations / 2; i++) {
        const bytes = mutated(numbers(i), primed);
        taken.bytes = 0;
        const { pictures, errors } = await read(bytes, i % 2 === 0);
        expect(taken.bytes, `${i}`).toBeLessThan(10 * 2 * maxMemory);
        expectClear(errors);
        if (!checked) continue;
        for (const picture of pictures) expect(originals.has(text(picture)), `${i}`).toBe(true);
        if (errors.length === 0) expect(pictures.length, `${i}`).toBe(written.length);
      }
    },
    3_600_000,
  );

  test.each([true, false])(
    "and damaged priors; checksums: %s",
    async (checked) => {
      sums.checked = checked;
      for (let i = 0; i < mutations / 2; i++) {
        const bytes = mutated(numbers(i), prior.bytes);
        taken.bytes = 0;
        try {
          const opened = openPrior(bytes, { where: "a.vq", maxMemory });
          for (const q of opened.header.layers.keys()) opened.primed(q);
          if (checked) expect(opened.name, `${i}`).toBe(prior.name);
        } catch (error) {
          expectClear([error]);
        }
        expect(taken.bytes, `${i}`).toBeLessThan(4 * maxMemory);
      }
    },
    3_600_000,
  );
});

test("a file that was cut off gives what came before", async () => {
  const { pictures, errors } = await read(whole.slice(0, whole.length - 60), false);
  expect(pictures.length).toBeGreaterThan(0);
  expect(pictures).toEqual(written.slice(0, pictures.length));
  expectClear(errors);
  expect(String(errors[0])).toContain("a.vq: end: expected the mark of a whole file");
});

test("what is damaged is named: group, pictures, layer", async () => {
  const bytes = whole.slice();
  const file = await openVq(bytes);
  expect(file.damage).toEqual([]);
  bytes[whole.length - 40]! ^= 1;
  await expect(file.picture(8)).rejects.toThrow(
    /^vq: group \d, pictures? \d( to \d)?.*, layer 1: expected checksum [0-9a-f]{8}, got [0-9a-f]{8}: it is damaged/,
  );
});

test("a group that states more memory than is allowed is refused before it is taken", async () => {
  const shape = [2 ** 20];
  const big = await vqBytes([{ shape, codes: new Int32Array(2 ** 20) }], { layers: [{ size: 1 }] });
  expect(big.length).toBeLessThan(200);
  taken.bytes = 0;
  const { errors } = await read(big, true);
  expect(String(errors[0])).toMatch(/at most 2097152 bytes of memory, got \d+. Raise maxMemory/);
  expect(taken.bytes).toBeLessThan(2000);
});

test("another kind of file and a later version are refused", async () => {
  await expect(openVq(new TextEncoder().encode("GIF89a and so on and on"))).rejects.toThrow(
    "vq: expected a .vq file, got another kind of file",
  );
  const later = whole.slice();
  later[7] = 3;
  await expect(openVq(later)).rejects.toThrow("vq: version: expected 1 or 2, got 3");
  await expect(openVq(new Uint8Array(3))).rejects.toThrow(
    "vq: expected a .vq file, got another kind of file",
  );
  await expect(openVq("a.vq" as never)).rejects.toThrow("vq: expected a Uint8Array, a Blob");
});
