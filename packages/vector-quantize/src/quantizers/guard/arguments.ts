import { makeJaxpr, numpy as np } from "@jax-js/jax";
import { expected, show, VectorQuantizeError } from "../../errors.ts";
import { checkJaxCopy } from "../../jaxCopies.ts";
import { eachArray, isArray, isRecord, isTraced, isUsedUp } from "../../tree.ts";
import type { IndexShape } from "./calls.ts";

type DType = "float32" | "int32" | "uint32" | "bool";

/** What an array should have been made by, where something else was given. */
const makers: Record<DType, string> = {
  float32: "np.array(...)",
  int32: "np.array(..., { dtype: np.int32 })",
  uint32: "random.key(0)",
  bool: "np.array(..., { dtype: np.bool })",
};

/** Throws unless `value` is an array of the `dtype`; `name` is what the call gives it as. */
export function checkArray(
  where: string,
  name: string,
  value: unknown,
  dtype: DType,
): asserts value is np.Array {
  if (!isArray(value)) {
    checkJaxCopy(`${where}: ${name}`, value);
    const what = dtype === "uint32" ? "a key" : `a jax-js array of ${dtype}`;
    throw expected(`${where}: ${name}`, what, value, mendOf(value, dtype));
  }
  if (value.dtype !== dtype) {
    const mend =
      dtype === "uint32"
        ? "Make a key by random.key(0)"
        : `Convert it: ${name}.astype(np.${dtype})`;
    throw expected(`${where}: dtype of ${name}`, dtype, value.dtype, mend);
  }
}

function mendOf(value: unknown, dtype: DType): string | undefined {
  if (value instanceof Promise) return "It is a promise: await it";
  if (value === undefined) return undefined;
  if (isRecord(value) && "params" in value) return "The variables come first, then the arrays";
  if (isRecord(value)) return "Options come last, behind all arrays";
  return `Make one by ${makers[dtype]}`;
}

/** Throws unless `value` is a key of jax-js. */
export function checkKeyArray(where: string, name: string, value: unknown): void {
  checkArray(where, name, value, "uint32");
  if (String(value.shape) !== "2") {
    throw expected(`${where}: shape of ${name}`, "[2]: one key", value.shape);
  }
}

/** Throws unless `indices` have the shape of those of vectors at `positions`, or of any without. */
export function checkIndexShape(
  where: string,
  name: string,
  { shape }: { readonly shape: readonly number[] },
  { groups, axes, layers = false, positions: ofInput, fits: mayBe }: IndexShape,
  positions?: readonly number[],
): void {
  const before = groups === undefined ? [] : [groups];
  const own = positions && (ofInput?.(positions) ?? positions);
  const inner = shape.length - before.length - axes.length;
  const rows = shape.slice(before.length, before.length + inner);
  const behind = shape.slice(shape.length - axes.length);
  const last = behind.at(-1) ?? 1;
  const most = axes.at(-1) ?? 1;
  const fitsBehind = layers
    ? last >= 1 && last <= most && String(behind.slice(0, -1)) === String(axes.slice(0, -1))
    : String(behind) === String(axes);
  const fits =
    inner >= 1 &&
    fitsBehind &&
    String(shape.slice(0, before.length)) === String(before) &&
    (own === undefined || String(rows) === String(own)) &&
    (own !== undefined ||
      ofInput === undefined ||
      (mayBe?.(rows) ?? String(ofInput(rows)) === String(rows)));
  if (fits) return;
  const open = ofInput
    ? ["B", ...(mayBe ? ["the codes of whole series"] : ofInput(["B" as never]).slice(1))]
    : [layers ? "..." : "...positions"];
  const text = [
    ...before,
    ...(own ?? open),
    ...axes.map((size, at) => (layers && at === axes.length - 1 ? `1 to ${size}` : size)),
  ];
  const exact = own && !layers;
  const columns =
    groups === undefined ? "a column per layer" : "a row per group and a column per layer";
  throw expected(
    `${where}: shape of ${name}`,
    exact ? JSON.stringify(text) : `[${text.join(", ")}]${layers ? `, ${columns}` : ""}`,
    shape,
  );
}

/** Dtype and shape of an array. */
class Leaf {
  constructor(
    readonly dtype: string,
    readonly shape: readonly number[],
  ) {}
  toString(): string {
    return show(this);
  }
}
export type TreeShapes = Leaf | { readonly [key: string]: TreeShapes };

/**
 * The shapes of all variables, of a trace of `init`, so that none is made. Undefined where an object
 * of the user's own can't be traced: then nothing is known of them.
 */
export const treeShapes = (init: (key: np.Array) => unknown): TreeShapes | undefined =>
  tracedInit(init, shapesIn);

/** What `read` makes of fresh variables that are traced alone; undefined where they can't be. */
export function tracedInit<Made, Told>(
  init: (key: np.Array) => Made,
  read: (variables: Made) => Told,
): Told | undefined {
  let told: Told | undefined;
  const key = np.zeros([2], { dtype: np.uint32 });
  try {
    const traced = makeJaxpr((given: np.Array): np.Array[] => {
      told = read(init(given));
      return [];
    })(key);
    traced.jaxpr.dispose();
    return told;
  } catch {
    return undefined;
  } finally {
    key.dispose();
  }
}

function shapesIn(value: unknown): TreeShapes {
  if (isArray(value)) return new Leaf(value.dtype, value.shape);
  return Object.fromEntries(
    Object.entries(value as object).map(([name, inner]) => [name, shapesIn(inner)]),
  );
}

/**
 * Throws unless `value` is a quantizer's variables, of those shapes where they are known; entries by
 * the names in `passing` may be there or not.
 */
export function checkVariables(
  where: string,
  value: unknown,
  shapes: TreeShapes | undefined,
  passing: readonly string[] = [],
): void {
  if (!isRecord(value) || !("params" in value && "state" in value)) {
    const mend =
      value instanceof Promise
        ? "It is a promise: await it"
        : "Give both in one object, as init and fit give them";
    throw expected(`${where}: variables`, "{ params, state }", value, mend);
  }
  if (shapes) checkShapes(where, "variables", value, shapes, ofQuantizer, passing);
  else {
    for (const part of ["params", "state"]) checkTree(where, `variables.${part}`, value[part]);
  }
}

const ofQuantizer = "Are these the variables of another quantizer?";

/** Throws, with this mend, unless `value` is a tree of arrays of these shapes. */
export function checkShapes(
  where: string,
  place: string,
  value: unknown,
  shapes: TreeShapes,
  mend: string,
  passing: readonly string[] = [],
): void {
  const refuse = (at: string, what: string, got: unknown) =>
    expected(`${where}: ${at}`, what, got, mend);
  if (shapes instanceof Leaf) {
    if (!isArray(value)) {
      checkJaxCopy(`${where}: ${place}`, value);
      throw refuse(place, String(shapes), value);
    }
    const { shape } = value;
    const fits =
      value.dtype === shapes.dtype &&
      shape.length === shapes.shape.length &&
      shape.every((size, axis) => size === shapes.shape[axis]);
    if (!fits) throw refuse(place, String(shapes), value);
    return;
  }
  if (isArray(value) || typeof value !== "object" || value === null) {
    throw refuse(place, "a record of arrays", value);
  }
  const list = Array.isArray(value);
  const at = (name: string) => (list ? `${place}[${name}]` : `${place}.${name}`);
  for (const name in shapes) {
    const inner = (value as Record<string, unknown>)[name];
    checkShapes(where, at(name), inner, shapes[name] as TreeShapes, mend, passing);
  }
  for (const name in value) {
    if (name in shapes) continue;
    const more = (value as Record<string, unknown>)[name];
    if (!passing.includes(name)) throw refuse(at(name), "nothing", more);
    checkTree(where, at(name), more);
  }
}

/** Throws unless `value` is a tree of arrays. */
export function checkTree(where: string, place: string, value: unknown): void {
  if (isArray(value)) return;
  if (!Array.isArray(value) && !isRecord(value)) {
    throw expected(`${where}: ${place}`, "a tree of arrays", value, mendOf(value, "float32"));
  }
  for (const [name, inner] of Object.entries(value)) checkTree(where, `${place}.${name}`, inner);
}

/**
 * Throws unless each array may be taken over: as many references are left as it is given times.
 *
 * @param given the arguments by name
 */
export function checkAlive(where: string, given: Readonly<Record<string, unknown>>): void {
  const uses = new Map<np.Array, number>();
  eachArray(given, (array) => uses.set(array, (uses.get(array) ?? 0) + 1));
  for (const [array, count] of uses) {
    const left = isTraced(array) ? (isUsedUp(array) ? 0 : count) : array.refCount;
    if (left < count) throw tooFewReferences(where, given, array, count, left);
  }
}

function tooFewReferences(
  where: string,
  given: Readonly<Record<string, unknown>>,
  array: np.Array,
  count: number,
  left: number,
): VectorQuantizeError {
  const places: string[] = [];
  eachArray(given, (each, place) => each === array && places.push(place));
  const place = places.join(" and ");
  const name = places[0] as string;
  const kept = name.startsWith("variables")
    ? "tree.ref(variables)"
    : `${name.split(".").at(-1)}.ref`;
  const text =
    left <= 0
      ? "expected an array to take over, got one that is used up or disposed of. " +
        `A call takes what it is given: pass ${kept} to the one before to keep it`
      : `expected a reference for each of ${count} uses, got ${left}. ` +
        `Pass ${kept} for all but the last`;
  return new VectorQuantizeError(`${where}: ${place}: ${text}`);
}

/** Throws unless `array` has numbers that can be read. */
export function checkConcrete(where: string, name: string, array: np.Array): void {
  if (!isTraced(array)) return;
  throw new VectorQuantizeError(
    `${where}: ${name}: expected an array with numbers, got one of a trace. ` +
      "Inside jit or grad, use apply and decode",
  );
}
