/**
 * The contract, held against every quantizer: one row a configuration. A new quantizer joins by
 * adding its rows.
 */
import { jit, numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { expectDisposed, leakedBytes } from "../../../../test/leak.ts";
import type { ApplyOptions, Quantizer, Variables } from "./contract.ts";
import { fsq } from "./fsq.ts";
import { quantizerFromConfig } from "./registry.ts";
import { vectorQuantize } from "./vectorQuantize.ts";

interface Row {
  name: string;
  make: () => Quantizer;
  /** Shape of an input; its size along the feature axis is the quantizer's `dim`. */
  shape: number[];
  /** Whether training moves the codebook. */
  moves?: boolean;
  /** Whether training draws at random, so that its indices are not the nearest codes'. */
  samples?: boolean;
}

const base = { dim: 6, codebookSize: 12 };
const rows: Row[] = [
  { name: "euclidean", make: () => vectorQuantize(base), shape: [3, 5, 6] },
  { name: "one token", make: () => vectorQuantize(base), shape: [7, 6] },
  { name: "cosine", make: () => vectorQuantize({ ...base, metric: "cosine" }), shape: [3, 5, 6] },
  { name: "projected", make: () => vectorQuantize({ ...base, codebookDim: 3 }), shape: [3, 5, 6] },
  {
    name: "straight through",
    make: () => vectorQuantize({ ...base, gradient: "straightThrough" }),
    shape: [3, 5, 6],
  },
  {
    name: "channel first",
    make: () => vectorQuantize({ ...base, layout: "channelFirst" }),
    shape: [2, 6, 5],
  },
  {
    name: "channel first, one token",
    make: () => vectorQuantize({ ...base, layout: "channelFirst" }),
    shape: [4, 6],
  },
  { name: "image", make: () => vectorQuantize({ ...base, layout: "image" }), shape: [2, 6, 3, 4] },
  {
    name: "projected image",
    make: () => vectorQuantize({ ...base, layout: "image", codebookDim: 4 }),
    shape: [2, 6, 3, 4],
  },
  {
    name: "video",
    make: () => vectorQuantize({ ...base, layout: "video" }),
    shape: [2, 6, 2, 3, 2],
  },
  {
    name: "cross-entropy commitment",
    make: () => vectorQuantize({ ...base, commitment: "crossEntropy" }),
    shape: [3, 5, 6],
  },
  {
    name: "no commitment",
    make: () => vectorQuantize({ ...base, commitmentWeight: 0 }),
    shape: [3, 5, 6],
  },
  {
    name: "dead codes replaced",
    make: () => vectorQuantize({ ...base, thresholdEmaDeadCode: 2 }),
    shape: [3, 5, 6],
  },
  {
    name: "dead codes by share",
    make: () => vectorQuantize({ ...base, thresholdEmaDeadCode: { share: 0.5 } }),
    shape: [3, 5, 6],
  },
  {
    name: "stochastic",
    make: () => vectorQuantize({ ...base, stochasticSampleCodes: true }),
    shape: [3, 5, 6],
    samples: true,
  },
  {
    name: "frozen",
    make: () => vectorQuantize({ ...base, freezeCodebook: true }),
    shape: [3, 5, 6],
    moves: false,
  },
  {
    name: "without moving averages",
    make: () => vectorQuantize({ ...base, emaUpdate: false }),
    shape: [3, 5, 6],
    moves: false,
  },
  { name: "one code", make: () => vectorQuantize({ dim: 6, codebookSize: 1 }), shape: [3, 5, 6] },
  { name: "one feature", make: () => vectorQuantize({ dim: 1, codebookSize: 5 }), shape: [9, 1] },

  { name: "fsq", make: () => fsq({ levels: [8, 5, 5] }), shape: [3, 5, 3], moves: false },
  {
    name: "fsq, projected codebooks",
    make: () => fsq({ levels: [4, 3], dim: 5, numCodebooks: 3, projectionHasBias: false }),
    shape: [3, 5, 5],
    moves: false,
  },
  {
    name: "fsq, rotated, noisy, symmetric",
    make: () =>
      fsq({
        levels: [4, 4],
        preserveSymmetry: true,
        noiseDropout: 0.5,
        orthogonalRotation: true,
      }),
    shape: [7, 2],
    moves: false,
  },
  {
    name: "fsq, image of codebooks",
    make: () => fsq({ levels: [5, 3], numCodebooks: 2, layout: "image" }),
    shape: [2, 4, 3, 4],
    moves: false,
  },
  {
    name: "fsq, channel first, clamped",
    make: () =>
      fsq({ levels: [5], layout: "channelFirst", boundHardClamp: true, keepNumCodebooksDim: true }),
    shape: [2, 1, 5],
    moves: false,
  },
  {
    name: "fsq, past int32, video",
    make: () => fsq({ levels: Array(11).fill(8), layout: "video" }),
    shape: [2, 11, 2, 3, 2],
    moves: false,
  },
];

const input = (row: Row, seed = 1) => random.normal(random.key(seed), row.shape);

/** A tree of records: what parameters and states are. */
type Trees = { [key: string]: np.Array | Trees };

type Host = { [name: string]: number[] };

/** The numbers of a tree, by place; consumes it. */
async function host(values: unknown): Promise<Host> {
  const leaves = tree.leaves(values as np.Array);
  const entries = await Promise.all(
    leaves.map(async (leaf, at) => [String(at), [...(await leaf.data())] as number[]] as const),
  );
  return Object.fromEntries(entries);
}

const training = (seed = 5): ApplyOptions => ({ training: true, key: random.key(seed) });

describe.each(rows)("$name", (row) => {
  const quantizer = row.make() as unknown as Quantizer<Trees, Trees>;
  const start = () => quantizer.init(random.key(0)) as Variables<Trees, Trees>;

  it("puts out the shape of the input and one int32 index in range per codebook", async () => {
    const { quantized, indices, loss, losses, state } = quantizer.apply(start(), input(row));
    expect(quantized.shape).toEqual(row.shape);
    expect(indices.dtype).toBe("int32");
    const sizes = quantizer.codebookSizes;
    expect(indices.size * quantizer.dim).toBe(quantized.size * sizes.length);
    expect(loss.shape).toEqual([]);
    for (const [at, index] of (await indices.data()).entries()) {
      expect(index).toBeGreaterThanOrEqual(0);
      expect(index).toBeLessThan(sizes[at % sizes.length] as number);
    }
    tree.dispose([quantized, loss, losses, state]);
  });

  it("decodes indices to the very output of evaluation", async () => {
    const variables = start();
    const { quantized, indices, ...rest } = quantizer.apply(tree.ref(variables), input(row));
    const decoded = quantizer.decode(variables, indices);
    expect(await host(decoded)).toEqual(await host(quantized));
    tree.dispose(rest);
  });

  it("gives codes in the layout of the input", async () => {
    const variables = start();
    const indices = await quantizer.encode(tree.ref(variables), input(row));
    const codes = quantizer.codes(variables, indices.ref);
    expect(codes.ndim).toBe(row.shape.length);
    expect((codes.size * quantizer.codebookSizes.length) % indices.size).toBe(0);
    tree.dispose([codes, indices]);
  });

  it("encodes to the indices of evaluation", async () => {
    const variables = start();
    const evaluated = quantizer.apply(tree.ref(variables), input(row));
    const encoded = await quantizer.encode(variables, input(row));
    expect(await host(encoded)).toEqual(await host(evaluated.indices.ref));
    tree.dispose(evaluated);
  });

  it("leaves the state alone and has no loss in evaluation", async () => {
    const variables = start();
    const { loss, state, ...rest } = quantizer.apply(tree.ref(variables), input(row));
    expect(await host(loss)).toEqual({ 0: [0] });
    expect(await host(state)).toEqual(await host(tree.ref(variables.state)));
    tree.dispose([rest, variables]);
  });

  it("moves the codebook in training, or does not where it should not", async () => {
    const variables = start();
    const { state, ...rest } = quantizer.apply(tree.ref(variables), input(row), training());
    const before = await host(tree.ref(variables.state));
    const after = await host(state);
    if (row.moves ?? true) expect(after).not.toEqual(before);
    else expect(after).toEqual(before);
    tree.dispose([rest, variables]);
  });

  it.skipIf(row.samples)("updates apart from apply to the same state", async () => {
    const variables = start();
    const { state, ...rest } = quantizer.apply(tree.ref(variables), input(row), training());
    const indices = await quantizer.encode(tree.ref(variables), input(row));
    const options = { key: random.key(5) };
    const apart = await quantizer.update(variables, input(row), indices, options);
    expect(await host(apart)).toEqual(await host(state));
    tree.dispose(rest);
  });

  it("gives the same under jit as without", async () => {
    const run = (variables: Variables<Trees, Trees>, x: np.Array, key: np.Array) =>
      quantizer.apply(variables, x, { training: true, key });
    const eager = await host(run(start(), input(row), random.key(5)));
    const jitted = await host(jit(run)(start(), input(row), random.key(5)));
    expect(Object.keys(jitted)).toEqual(Object.keys(eager));
    for (const [name, values] of Object.entries(jitted)) {
      values.forEach((value, at) => {
        expect(value).toBeCloseTo(eager[name]?.[at] as number, 5);
      });
    }
  });

  it("takes the arrays that it is given, and no others", async () => {
    const variables = start();
    const x = input(row);
    const key = random.key(5);
    const { quantized, ...rest } = quantizer.apply(variables, x, { training: true, key });
    await quantized.data();
    tree.dispose(rest);
    expectDisposed([variables, x, key]);
  });

  it("passes gradients to the input and leaks nothing", async () => {
    const loss = (x: np.Array, params: Trees, state: Trees, key: np.Array): [np.Array, Trees] => {
      const out = quantizer.apply({ params, state }, x, { training: true, key });
      tree.dispose([out.indices, out.losses]);
      return [np.sum(np.square(out.quantized)).add(out.loss), out.state as Trees];
    };
    const step = jit(valueAndGrad(loss, { hasAux: true }));
    let { params, state } = start();
    const x = input(row);
    let finite = true;
    const grown = await leakedBytes(
      async (index) => {
        const key = random.key(index);
        const [[value, moved], gradient] = step(x.ref, tree.ref(params), state, key);
        state = moved;
        value.dispose();
        finite &&= (await gradient.data()).every(Number.isFinite);
      },
      { warmUp: 10, steps: 100 },
    );
    expect(finite).toBe(true);
    expect(grown).toBe(0);
    tree.dispose([x, params, state]);
  });

  it("is rebuilt by its configuration", async () => {
    const config = JSON.parse(JSON.stringify(quantizer.config));
    const again = quantizerFromConfig(config);
    expect(again.config).toEqual(quantizer.config);
    const variables = start();
    const first = await quantizer.encode(tree.ref(variables), input(row));
    const second = await again.encode(variables, input(row));
    expect(await host(second)).toEqual(await host(first));
  });

  it("refuses another feature size before it touches anything", () => {
    const variables = start();
    const wrong = np.zeros(row.shape.map((size) => size + 7));
    expect(() => quantizer.apply(tree.ref(variables), wrong)).toThrow(/dim = |feature size/);
    expectDisposed(wrong);
    tree.dispose(variables);
  });
});
