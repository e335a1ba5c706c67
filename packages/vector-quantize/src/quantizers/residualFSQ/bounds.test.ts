/** The table of docs/residual-fsq-bounds.md, measured again. */
import { readFileSync } from "node:fs";
import { type numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { residualFSQ } from "../residualFSQ.ts";
import type { ResidualFSQOptions } from "./options.ts";

const depths = [1, 2, 3, 4];
const text = readFileSync(
  new URL("../../../../../docs/residual-fsq-bounds.md", import.meta.url),
  "utf8",
);
const numbers = async (x: np.Array) => [...(await x.data())] as number[];
const input = (scale: number) => random.normal(random.key(0), [4096, 3]).mul(scale);

/** A way to bound, for `L` levels: the options, and what the first residual is. */
interface Way {
  options: (L: number) => Partial<ResidualFSQOptions>;
  target: (x: number, L: number) => number;
}

const bounded = (x: number, L: number) => {
  const half = ((L - 1) * 1.001) / 2;
  const offset = L % 2 === 0 ? 0.5 : 0;
  return Math.tanh(x + Math.atanh(offset / half)) * half - offset;
};
const soft = (x: number, c: number) => c * Math.tanh(x / c);

const ways: Record<string, Way> = {
  softClamp: { options: () => ({}), target: (x, L) => soft(x, 1 + 1 / (L - 1)) },
  bound: { options: () => ({ bounds: "bound" }), target: bounded },
  boundNormalized: {
    options: () => ({ bounds: "boundNormalized" }),
    target: (x, L) => bounded(x, L) / Math.floor(L / 2),
  },
  none: { options: () => ({ bounds: "none" }), target: (x) => x },
  "none, clamped": {
    options: () => ({ bounds: "none", softClampInputValue: 1 }),
    target: (x) => soft(x, 1),
  },
};

const rms = (values: number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

/** Error after 1 to 4 layers, as a share of what was to be quantized. */
async function measure({ options, target }: Way, L: number, scale: number): Promise<number[]> {
  const quantizer = residualFSQ({ levels: [L, L, L], numQuantizers: 4, ...options(L) });
  const variables = quantizer.init(random.key(0));
  const wanted = (await numbers(input(scale))).map((x) => target(x, L));
  const found: number[] = [];
  for (const depth of depths) {
    const out = quantizer.apply(tree.ref(variables), input(scale), { depth });
    const values = await numbers(out.quantized);
    tree.dispose([out.indices, out.loss, out.losses, out.state] as never);
    found.push(rms(values.map((value, at) => value - (wanted[at] as number))) / rms(wanted));
  }
  return found;
}

/** As the reference did from 2023-12 to 2024-10: the bound again in every layer, and no unit. */
async function measureBoundAgain(L: number, scale: number): Promise<number[]> {
  const wanted = (await numbers(input(scale))).map((x) => bounded(x, L));
  const residual = [...wanted];
  return depths.map((depth) => {
    const unit = (L - 1) ** (1 - depth);
    residual.forEach((left, at) => {
      const code = Math.round(bounded(left / unit, L)) / Math.floor(L / 2);
      residual[at] = left - code * unit;
    });
    return rms(residual) / rms(wanted);
  });
}

const rows = text
  .split("\n")
  .filter((line) => line.endsWith("% |"))
  .map((line) => line.split("|").map((cell) => cell.trim()));

describe("docs/residual-fsq-bounds.md", () => {
  it("has a row for each way, levels and spread", () => {
    expect(rows.length).toBe((Object.keys(ways).length + 1) * 4);
  });

  it.each(rows.map((cells) => cells.slice(1, -1)))("%s, %s levels, spread %s", async (...row) => {
    const [name, L, scale, ...written] = row as [string, string, string, ...string[]];
    const way = ways[name.replaceAll("`", "").split(" (")[0] as string];
    const found = way
      ? await measure(way, Number(L), Number(scale))
      : await measureBoundAgain(Number(L), Number(scale));
    expect(written).toEqual(found.map((share) => `${(share * 100).toPrecision(2)} %`));
  });
});
