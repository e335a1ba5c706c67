/**
 * The contract of `quantizers/contract.ts`, held against a quantizer: one row a configuration. A new
 * quantizer joins by adding its rows to a test of its family.
 */
import { jit, numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import {
  fromVectors,
  type Layout,
  positionShape,
  toVectors,
} from "../../packages/vector-quantize/src/layout/layout.ts";
import { applyLinear, type Projection } from "../../packages/vector-quantize/src/layout/linear.ts";
import type {
  ApplyOptions,
  Quantizer,
  Variables,
} from "../../packages/vector-quantize/src/quantizers/contract.ts";
import {
  quantizerFromConfig,
  type UserObjects,
} from "../../packages/vector-quantize/src/quantizers/registry.ts";
import { expectDisposed, leakedBytes } from "../leak.ts";
import { testBadNumbers } from "./badNumbers.ts";
import { refusesHostileCalls } from "./hostileCalls.ts";

export interface ContractRow {
  name: string;
  make: () => Quantizer;
  /** Shape of an input; its size along the feature axis is the quantizer's `dim`. */
  shape: number[];
  /** Features of the output, if they are not those of the input. */
  outputs?: number;
  /** Whether training moves the codebook. */
  moves?: boolean;
  /** Whether training draws at random, so that its indices are not the nearest codes'. */
  samples?: boolean;
  /** Shape of `loss`. Default: one number. */
  lossShape?: number[];
  /** The user's own objects that the configuration names. */
  objects?: UserObjects;
  /** What the codes have an axis for before those of the output, whose sum they make. */
  codesOf?: "layers" | "groups and layers" | "layers of each";
}

const input = (row: ContractRow, seed = 1) => random.normal(random.key(seed), row.shape);

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

/** Runs the tests of the contract on every row. */
export function holdsContract(rows: readonly ContractRow[]): void {
  describe.each(rows)("$name", testRow);
}

function testRow(row: ContractRow): void {
  const quantizer = row.make() as unknown as Quantizer<Trees, Trees>;
  const start = () => quantizer.init(random.key(0)) as Variables<Trees, Trees>;

  it("puts out the shape of the input and one int32 index in range per codebook", async () => {
    const { quantized, indices, loss, losses, state } = quantizer.apply(start(), input(row));
    const outputs = row.outputs ?? quantizer.dim;
    const same = row.outputs === undefined;
    expect(quantized.shape).toEqual(same ? row.shape : [...row.shape.slice(0, -1), outputs]);
    expect(indices.dtype).toBe("int32");
    const sizes = quantizer.codebookSizes;
    expect(indices.size * outputs).toBe(quantized.size * sizes.length);
    expect(loss.shape).toEqual(row.lossShape ?? []);
    const groups = row.codesOf === "groups and layers" ? (indices.shape[0] as number) : 1;
    const perGroup = indices.size / groups;
    const columns = sizes.length / groups;
    for (const [at, index] of (await indices.data()).entries()) {
      const group = Math.floor(at / perGroup);
      expect(index).toBeGreaterThanOrEqual(0);
      expect(index).toBeLessThan(sizes[group * columns + (at % columns)] as number);
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
    const axes = { none: 0, layers: 1, "groups and layers": 2, "layers of each": 1 }[
      row.codesOf ?? "none"
    ];
    expect(codes.ndim).toBe(row.shape.length + axes);
    expect((codes.size * quantizer.codebookSizes.length) % indices.size).toBe(0);
    tree.dispose([codes, indices]);
  });

  it.runIf(row.codesOf && row.codesOf !== "layers of each")(
    "gives codes whose sum, projected out, is the output",
    async () => {
      const variables = start();
      const indices = await quantizer.encode(tree.ref(variables), input(row));
      const codes = quantizer.codes(tree.ref(variables), indices);
      const { quantized, ...rest } = quantizer.apply(tree.ref(variables), input(row));
      const layout = (quantizer.config.layout ?? "channelLast") as Layout;
      const leave = (own: np.Array, params: Trees) => {
        const sum = np.sum(own, 0);
        const positions = positionShape(sum.shape, layout);
        const out = params.projectOut as unknown as Projection | undefined;
        return fromVectors(applyLinear(toVectors(sum, layout), tree.ref(out)), layout, positions);
      };
      const groups = variables.params.groups as unknown as Trees[] | undefined;
      const output = groups
        ? np.concatenate(
            [...codes].map((own, group) => leave(own, groups[group] as Trees)),
            layout === "channelLast" ? -1 : 1,
          )
        : leave(codes, variables.params);
      const [ours, theirs] = [await host(output), await host(quantized)];
      (theirs[0] as number[]).forEach((value, at) => {
        expect(ours[0]?.[at]).toBeCloseTo(value, 5);
      });
      tree.dispose([rest, variables]);
    },
  );

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
    expect((await host(loss))[0]?.every((value) => value === 0)).toBe(true);
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
      return [np.sum(np.square(out.quantized)).add(np.sum(out.loss)), out.state as Trees];
    };
    const step = jit(valueAndGrad(loss, { hasAux: true }));
    let { params, state } = start();
    const x = input(row);
    let finite = true;
    const grown = await leakedBytes(async (index) => {
      const key = random.key(index);
      const [[value, moved], gradient] = step(x.ref, tree.ref(params), state, key);
      state = moved;
      // Awaited too: nothing else waits for the forward pass where the gradient is a constant.
      finite &&= (await value.data()).every(Number.isFinite);
      finite &&= (await gradient.data()).every(Number.isFinite);
    });
    expect(finite).toBe(true);
    expect(grown).toBe(0);
    tree.dispose([x, params, state]);
  }, 120_000);

  it("leaves nothing behind of what it makes, encodes and decodes", async () => {
    const grown = await leakedBytes(async () => {
      const variables = start();
      const indices = await quantizer.encode(tree.ref(variables), input(row));
      await quantizer.decode(tree.ref(variables), indices.ref).data();
      await quantizer.codes(tree.ref(variables), indices.ref).data();
      if (row.samples) return tree.dispose([variables, indices]);
      const moved = await quantizer.update(variables, input(row), indices, { key: random.key(5) });
      tree.dispose(moved);
    });
    expect(grown).toBe(0);
  });

  it("is rebuilt by its configuration", async () => {
    const config = JSON.parse(JSON.stringify(quantizer.config));
    const again = quantizerFromConfig(config, row.objects);
    expect(again.config).toEqual(quantizer.config);
    const variables = start();
    const first = await quantizer.encode(tree.ref(variables), input(row));
    const second = await again.encode(variables, input(row));
    expect(await host(second)).toEqual(await host(first));
  });

  it("refuses hostile calls in words, changes nothing and leaks nothing", async () => {
    await refusesHostileCalls(row);
  });

  testBadNumbers(quantizer, row);

  it("refuses another feature size before it touches anything", () => {
    const variables = start();
    const wrong = np.zeros(row.shape.map((size) => size + 7));
    expect(() => quantizer.apply(tree.ref(variables), wrong)).toThrow(/dim = |feature size/);
    expectDisposed(wrong);
    tree.dispose(variables);
  });
}
