import type samplerate from "@alexanderolsen/libsamplerate-js";
import { expect, test, vi } from "vitest";
import { resampled } from "./resample.ts";

const made = vi.hoisted(() => vi.fn());
vi.mock("@alexanderolsen/libsamplerate-js", async (original) => {
  const { default: own } = await original<{ default: typeof samplerate }>();
  const create: typeof own.create = (...options) => {
    made();
    return own.create(...options);
  };
  return { default: { ConverterType: own.ConverterType, create } };
});

test("a converter is used again when its reader had enough, and gives the same", async () => {
  async function* pieces() {
    yield Float32Array.from({ length: 4000 }, (_, i) => Math.sin(i / 9));
  }
  const heard: Float32Array[] = [];
  for (let i = 0; i < 3; i++) {
    for await (const piece of resampled(pieces(), 8000, 11025, 5000)) {
      heard.push(piece);
      break;
    }
  }
  expect(made).toHaveBeenCalledTimes(1);
  expect(heard[2]).toEqual(heard[0]);
});
