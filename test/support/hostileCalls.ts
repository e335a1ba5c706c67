/**
 * Calls with arguments that no method should take, for any quantizer: each gives a clear
 * `VectorQuantizeError`, leaves the variables as they were, and gives up all that it was given, once.
 *
 * `VQ_HOSTILE_ROUNDS=300` makes every call as many times, for the growth of memory.
 */
import { numpy as np, random, tree } from "@jax-js/jax";
import { expect } from "vitest";
import { VectorQuantizeError } from "../../packages/vector-quantize/src/errors.ts";
import type {
  Quantizer,
  Variables,
} from "../../packages/vector-quantize/src/quantizers/contract.ts";
import { eachArray } from "../../packages/vector-quantize/src/tree.ts";
import { leakedBytes } from "../leak.ts";

export interface HostileRow {
  make: () => Quantizer;
  /** Shape of an input. */
  shape: number[];
}

type Kind = "variables" | "x" | "indices" | "options";
type Given = Partial<Record<Kind, unknown>>;

interface HostileCall {
  name: string;
  kinds: readonly Kind[];
  run: (...args: unknown[]) => unknown;
  /** What stands in place of right arguments; made anew for every call. */
  wrong: () => Given;
  message: RegExp;
}

const rounds = Number(process.env.VQ_HOSTILE_ROUNDS ?? 1);

const methods: Record<string, readonly Kind[]> = {
  apply: ["variables", "x", "options"],
  encode: ["variables", "x", "options"],
  fit: ["variables", "x", "options"],
  update: ["variables", "x", "indices", "options"],
  prepare: ["variables", "x", "options"],
  pass: ["variables", "x", "options"],
  comparison: ["variables", "x"],
  codes: ["variables", "indices"],
  decode: ["variables", "indices", "options"],
};

/** Makes every hostile call to a quantizer of the row, and asserts what is said above. */
export async function refusesHostileCalls(row: HostileRow): Promise<void> {
  const quantizer = row.make();
  const variables = quantizer.init(random.key(0));
  const own = () => tree.ref(variables as never) as Variables;
  const size = row.shape.reduce((product, each) => product * each, 1);
  const numbers = Float32Array.from({ length: size }, (_, at) => Math.sin(at));
  const x = () => np.array(numbers, { shape: row.shape });
  const found = await quantizer.encode(own(), x());
  const { shape } = found;
  found.dispose();
  const right = {
    variables: own,
    x,
    indices: () => np.zeros(shape, { dtype: np.int32 }),
    options: () => undefined,
  };
  const calls = hostileCalls(quantizer, right, shape);
  const before = await bytesOf(variables);
  const references = new Map<np.Array, number>(); // of the variables, which stay
  eachArray(variables, (array) => references.set(array, array.refCount));
  const faults: string[] = [];

  const make = async ({ name, kinds, run, wrong, message }: HostileCall) => {
    const replaced = wrong();
    const args = kinds.map((kind) => (kind in replaced ? replaced[kind] : right[kind]()));
    const error = await thrownBy(() => run(...args));
    if (!(error instanceof VectorQuantizeError) || !message.test(error.message)) {
      faults.push(`${name}: ${error}`);
    }
    eachArray(args, (array) => {
      const left = array.refCount - (references.get(array) ?? 0);
      if (left !== 0) faults.push(`${name}: ${left} references are left of [${array.shape}]`);
    });
  };
  const makeAll = async () => {
    for (const call of calls) await make(call);
  };
  await makeAll();
  expect(faults).toEqual([]);
  expect(await bytesOf(variables)).toEqual(before);
  expect(await leakedBytes(makeAll, { warmUp: 0, steps: rounds })).toBe(0);
  tree.dispose(variables as never);
}

async function thrownBy(run: () => unknown): Promise<unknown> {
  try {
    await run();
    return "nothing was thrown";
  } catch (error) {
    return error;
  }
}

async function bytesOf(variables: Variables): Promise<number[][]> {
  const found: Promise<number[]>[] = [];
  eachArray(variables, (array) => {
    found.push(array.ref.data().then(({ buffer }) => [...new Uint8Array(buffer)]));
  });
  return Promise.all(found);
}

function hostileCalls(
  quantizer: Quantizer,
  right: { variables: () => Variables; x: () => np.Array; indices: () => np.Array },
  indexShape: readonly number[],
): HostileCall[] {
  const open = quantizer as unknown as Record<string, HostileCall["run"]>;
  const calls: HostileCall[] = [];
  const add = (method: string, what: string, message: RegExp, wrong: () => Given) => {
    const run = open[method];
    if (!run) return;
    const kinds = methods[method] as readonly Kind[];
    calls.push({ name: `${method}, ${what}`, kinds, run, wrong, message });
  };
  const of = (kind: Kind) => Object.keys(methods).filter((name) => methods[name]?.includes(kind));
  const { shape } = cleared(right.x());
  const zeros = (dtype: np.DType, size = shape) => np.zeros([...size], { dtype });
  const batch = shape[0] as number;
  const masks = !["hierarchicalVQ", "multiscaleVQ"].includes(quantizer.config.type);

  for (const method of of("x")) {
    for (const dtype of [np.int32, np.uint32, np.float16, np.float64, np.bool]) {
      const message = new RegExp(`dtype of x: expected float32, got "${dtype}".*x.astype`);
      add(method, `x of ${dtype}`, message, () => ({ x: zeros(dtype) }));
    }
    const noArray = /x: expected a jax-js array of float32, got/;
    add(method, "x a Float32Array", /Float32Array. Make one by np.array/, () => ({
      x: new Float32Array(4),
    }));
    add(method, "x a list", noArray, () => ({ x: [[1, 2]] }));
    add(method, "x a number", noArray, () => ({ x: 1 }));
    add(method, "x null", noArray, () => ({ x: null }));
    add(method, "x a promise", /It is a promise: await it/, () => ({ x: Promise.resolve() }));
    add(method, "no x", noArray, () => ({ x: undefined }));
    add(method, "x of other features", /dim = |feature size/, () => ({
      x: zeros(
        np.float32,
        shape.map((size) => size + 7),
      ),
    }));
    add(method, "x without vectors", /shape of x/, () => ({
      x: zeros(np.float32, [0, ...shape.slice(1)]),
    }));
    add(method, "x used up", /: x: expected an array to take over.*pass x.ref/, () => ({
      x: cleared(right.x()),
    }));
  }

  for (const method of of("variables")) {
    const both = /variables: expected { params, state }/;
    add(method, "no variables", both, () => ({ variables: undefined }));
    add(method, "params alone", both, () => {
      const { params, state } = right.variables();
      tree.dispose(state as never);
      return { variables: params };
    });
    add(method, "an array", both, () => ({ variables: right.x() }));
    add(method, "a promise", /It is a promise: await it/, () => ({
      variables: Promise.resolve(),
    }));
    add(method, "one key more", /variables.state.more: expected nothing/, () => {
      const { params, state } = right.variables();
      return { variables: { params, state: { ...state, more: np.zeros([2]) } } };
    });
    if (leavesOf(right.variables()) === 0) continue;
    const other = /expected .* got .*another quantizer/;
    add(method, "none of the keys", other, () => ({ variables: { params: {}, state: {} } }));
    add(method, "other shapes", other, () => ({
      variables: tree.map(
        (leaf: np.Array) => np.zeros([...cleared(leaf).shape, 3]),
        right.variables() as never,
      ),
    }));
    add(method, "another dtype", other, () => ({
      variables: tree.map(
        (leaf: np.Array) => zeros(np.int32, cleared(leaf).shape),
        right.variables() as never,
      ),
    }));
    add(
      method,
      "variables used up",
      /variables.[a-zA-Z.[\]0-9]+: expected an array.*tree.ref\(variables\)/,
      () => ({
        variables: tree.map(
          (leaf: np.Array) => cleared(np.zeros(cleared(leaf).shape)),
          right.variables() as never,
        ),
      }),
    );
  }

  for (const method of of("indices")) {
    for (const dtype of [np.float32, np.bool, np.uint32]) {
      const message = new RegExp(
        `dtype of indices: expected int32, got "${dtype}".*indices.astype`,
      );
      add(method, `indices of ${dtype}`, message, () => ({
        indices: zeros(dtype, [...indexShape]),
      }));
    }
    add(
      method,
      "an Int32Array",
      /indices: expected a jax-js array of int32, got Int32Array/,
      () => ({
        indices: new Int32Array(3),
      }),
    );
    add(method, "no indices", /indices: expected a jax-js array/, () => ({ indices: undefined }));
    add(method, "indices used up", /: indices: expected an array to take over/, () => ({
      indices: cleared(right.indices()),
    }));
  }
  for (const what of ["indices"]) {
    add("apply", `${what} of float32`, /dtype of indices/, () => ({
      options: { [what]: zeros(np.float32, [...indexShape]) },
    }));
  }
  add("apply", "indices of another shape", /shape of indices/, () => ({
    options: { indices: zeros(np.int32, [...indexShape, 2, 2]) },
  }));
  for (const value of [-2, 2 ** 31 - 1]) {
    add(
      "update",
      `an index of ${value}`,
      new RegExp(`indices, entry [01]: expected 0 to .*got ${value}`),
      () => ({
        indices: np.full([...indexShape], value, { dtype: np.int32 }),
      }),
    );
  }

  for (const method of of("options")) {
    const named = /options: expected an object of options/;
    add(method, "null for options", named, () => ({ options: null }));
    add(method, "an array for options", named, () => ({ options: right.x() }));
    add(method, "an unknown option", /option "lenghts".*(Did you mean lengths\?|expected)/, () => ({
      options: { lenghts: np.zeros([2]) },
    }));
    if (!masks || method === "pass") {
      add(method, "a mask", /expected no mask/, () => ({ options: { mask: zeros(np.bool) } }));
      continue;
    }
    add(method, "a mask of floats", /dtype of mask: expected bool/, () => ({
      options: { mask: zeros(np.float32, shape.slice(0, 2)) },
    }));
    add(method, "a mask of another shape", /shape of mask/, () => ({
      options: { mask: zeros(np.bool, [...shape, 3]) },
    }));
    add(method, "a mask as a list", /mask: expected a jax-js array of bool/, () => ({
      options: { mask: [true] },
    }));
    add(method, "lengths of floats", /dtype of lengths: expected int32/, () => ({
      options: { lengths: zeros(np.float32, [batch]) },
    }));
    add(method, "lengths of another shape", /shape of lengths|position axis/, () => ({
      options: { lengths: zeros(np.int32, [batch + 1]) },
    }));
  }

  if (masks && shape.length > 2) {
    for (const method of ["encode", "fit", "update", "prepare"]) {
      for (const length of [-1, 1000]) {
        add(
          method,
          `a length of ${length}`,
          new RegExp(`lengths\\[0\\]: expected 0 to .*got ${length}`),
          () => ({
            options: { lengths: np.full([batch], length, { dtype: np.int32 }) },
          }),
        );
      }
    }
  }
  for (const method of ["apply", "fit", "update", "prepare", "pass"]) {
    add(
      method,
      "a number as key",
      /options.key: expected a key, got 7. Make one by random.key/,
      () => ({
        options: { key: 7 },
      }),
    );
    add(method, "a key of floats", /dtype of options.key: expected uint32/, () => ({
      options: { key: np.zeros([2]) },
    }));
    add(method, "two keys", /shape of options.key/, () => ({
      options: { key: zeros(np.uint32, [2, 2]) },
    }));
  }
  add("apply", "a slip", /option "trainig".*Did you mean training\?/, () => ({
    options: { trainig: true },
  }));
  add("apply", "a word for true", /training: expected true or false, got "yes"/, () => ({
    options: { training: "yes" },
  }));
  for (const temperature of [Number.NaN, -1, Number.POSITIVE_INFINITY, "hot"]) {
    const message = /temperature: expected|expected no temperature/;
    add("apply", `a temperature of ${temperature}`, message, () => ({ options: { temperature } }));
  }
  for (const depth of [0, 1.5, 1000, "all"]) {
    const message = /depth: expected|expected no depth/;
    add("apply", `a depth of ${depth}`, message, () => ({ options: { depth } }));
    add("encode", `a depth of ${depth}`, message, () => ({ options: { depth } }));
  }
  for (const beamSize of [0, 1.5, Number.NaN]) {
    const message = /beamSize: expected|expected no beamSize/;
    add("apply", `a beam of ${beamSize}`, message, () => ({ options: { beamSize } }));
    add("encode", `a beam of ${beamSize}`, message, () => ({ options: { beamSize } }));
  }
  if (clustered.includes(quantizer.config.type) && Math.max(...quantizer.codebookSizes) > 1) {
    add("fit", "one vector", /expected at least \d+ vectors for \d+ codes, got [123]\b/, () => ({
      x: zeros(
        np.float32,
        shape.map((size) => (size === quantizer.dim ? size : 1)),
      ),
    }));
  }
  return calls;
}

/** Types that `fit` clusters vectors for. */
const clustered = ["vectorQuantize", "residualVQ", "groupedResidualVQ"];

/** The same array, given up. */
function cleared(array: np.Array): np.Array {
  array.dispose();
  return array;
}

function leavesOf(variables: Variables): number {
  tree.dispose(variables as never);
  return tree.leaves(variables as never).length;
}
