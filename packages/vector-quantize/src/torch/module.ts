/** What a module of the reference keeps, and where it stands in our variables. */
import { type numpy as np, tree } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import type { Variables } from "../quantizers/contract.ts";
import { type ArrayTree, release } from "../tree.ts";
import { hinted, shapeHint } from "./hints.ts";

export type Tensors = Record<string, np.Array>;
/** Where an array stands: `["params", "projectIn", "weight"]`, say. */
export type Path = readonly (string | number)[];
/** `params` and `state`, or a part of them. */
type Node = { [key: string | number]: unknown };

/** A tensor of a `state_dict`, an array of ours, or what both are. */
export interface Field {
  readonly name?: string;
  readonly shape?: readonly number[];
  readonly path?: Path;
  /** Whether a module has it from its first call on only: all of these, or none. */
  readonly late?: boolean;
  /** Ours; takes the tensor, and keeps no reference to all. Default: as it is. */
  ours?(tensor: np.Array, all: Tensors): np.Array;
  /** Theirs; takes the array, and keeps no reference to all variables. Default: as it is. */
  theirs?(array: np.Array, all: never): np.Array;
}

/** Arrays of an object of the user's own, which names them itself. */
export interface Owned {
  /** What their names start with. */
  readonly prefix: string;
  readonly path: Path;
  /** Their shapes by the rest of the names. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Ours, from tensors by the rest of their names, of which it keeps no reference. */
  ours(tensors: Tensors): ArrayTree;
  /** Theirs; takes the arrays, and keeps no reference to all variables. */
  theirs(params: ArrayTree, all: never): Tensors;
}

/** Arrays by both sides' names, and modules within it. */
export interface Module {
  readonly fields: readonly Field[];
  readonly owned?: readonly Owned[];
  readonly parts?: readonly Part[];
  /** What our state has that a `state_dict` has not, as it starts; keeps no reference to `made`. */
  started?(made: never): object;
}

interface Part {
  /** What its names start with. */
  readonly prefix: string;
  /** Where its variables stand in `params` and in `state`. Several parts may share a place. */
  readonly place: Path;
  readonly module: Module;
}

/** An `nn.Linear`: PyTorch keeps its weight as `[out, in]`, we as `[in, out]`. */
export function linearFields(
  name: string,
  path: Path,
  inputs: number,
  outputs: number,
  bias = true,
) {
  const turned = (array: np.Array) => array.transpose();
  const weight: Field = {
    name: `${name}.weight`,
    shape: [outputs, inputs],
    path: [...path, "weight"],
    ours: turned,
    theirs: turned,
  };
  return bias ? [weight, vector(name, path, "bias", outputs)] : [weight];
}

/** An `nn.LayerNorm`. */
export const normFields = (name: string, path: Path, width: number): Field[] =>
  ["weight", "bias"].map((part) => vector(name, path, part, width));

const vector = (name: string, path: Path, part: string, width: number): Field => ({
  name: `${name}.${part}`,
  shape: [width],
  path: [...path, part],
});

/** A linear map to `width` features and one back, if there have to be any. */
export const linearMaps = (dim: number, width: number, bias = true): Field[] =>
  dim === width ? [] : [...mapIn(dim, width, bias), ...mapOut(dim, width, bias)];

export const mapIn = (dim: number, width: number, bias = true) =>
  linearFields("project_in", ["params", "projectIn"], dim, width, bias);

export const mapOut = (dim: number, width: number, bias = true) =>
  linearFields("project_out", ["params", "projectOut"], width, dim, bias);

/** The fixed rotation of codes of `width` features. */
export const rotation = (width: number): Field => ({
  name: "orthogonal_rot",
  shape: [width, width],
  path: ["state", "rotation"],
});

/** One part a layer. */
export const layered = (count: number, module: Module, prefix = "layers", place = prefix): Part[] =>
  Array.from({ length: count }, (_, at) => ({
    prefix: `${prefix}.${at}.`,
    place: [place, at],
    module,
  }));

/** All tensors of a `state_dict`, under their whole names. */
function allFields({ fields, owned = [], parts = [] }: Module): Field[] {
  const named = fields.filter(({ name }) => name !== undefined);
  const ofObjects = owned.flatMap(({ prefix, shapes }) =>
    Object.entries(shapes).map(([name, shape]) => ({ name: `${prefix}${name}`, shape })),
  );
  const inner = parts.flatMap(({ prefix, module }) =>
    allFields(module).map((field) => ({ ...field, name: `${prefix}${field.name}` })),
  );
  return [...named, ...ofObjects, ...inner];
}

/** Throws unless `tensors` are those of `module`, no more and no less. */
export function checkTensors(where: string, tensors: Tensors, module: Module): void {
  const all = allFields(module) as (Field & { name: string })[];
  const names = all.map(({ name }) => name);
  const extra = Object.keys(tensors).filter((name) => !names.includes(name));
  const mend = hinted(tensors, names);
  if (extra.length > 0) {
    throw new VectorQuantizeError(
      `${where}: expected no tensors but ${listed(names)}, got ${listed(extra)}${mend}`,
    );
  }
  const noneLate = all.every(({ name, late }) => !late || !(name in tensors));
  for (const { name, shape, late } of all) {
    const tensor = tensors[name];
    if (!tensor && late && noneLate) continue;
    if (!tensor) {
      throw new VectorQuantizeError(`${where}: expected a tensor ${name}, got none${mend}`);
    }
    if (String(tensor.shape) !== String(shape)) {
      const meant = shapeHint(name, tensor.shape, shape as readonly number[]);
      throw expected(`${where}: shape of ${name}`, JSON.stringify(shape), tensor.shape, meant);
    }
  }
}

/** Our arrays from a `state_dict`, which is checked before and keeps its references. */
export function variablesOf(described: Module, tensors: Tensors): Variables {
  return unlessThrown({ params: {}, state: {} }, (made: Node) =>
    putVariables(described, tensors, made),
  ) as never;
}

/** What `make` fills; if it throws, as functions of the user's own may, what is there is given up. */
function unlessThrown<Made extends object>(made: Made, make: (made: Made) => void): Made {
  try {
    make(made);
    return made;
  } catch (error) {
    release(made);
    throw error;
  }
}

function putVariables(described: Module, tensors: Tensors, made: Node): void {
  const { fields, owned = [], parts = [] } = described;
  for (const { name = "", path, ours } of fields) {
    if (!path) continue;
    const tensor = tensors[name]?.ref as np.Array;
    put(made, path, ours ? ours(tensor, tensors) : tensor);
  }
  for (const { prefix, path, ours } of owned) put(made, path, ours(below(tensors, prefix)));
  Object.assign(made.state as object, described.started?.(made as never));
  for (const { prefix, place, module } of parts) {
    if (at(made, ["params", ...place])) continue; // shared, and here already
    const { params, state } = variablesOf(module, below(tensors, prefix));
    put(made, ["params", ...place], params);
    put(made, ["state", ...place], state);
  }
}

/** A `state_dict` of our arrays, of which it keeps no reference. What they lack is left out. */
export function tensorsOf(described: Module, variables: object): Tensors {
  return unlessThrown({}, (made: Tensors) => putTensors(described, variables, made));
}

function putTensors(described: Module, variables: object, made: Tensors): void {
  const { fields, owned = [], parts = [] } = described;
  for (const { name, path, theirs } of fields) {
    if (name === undefined) continue;
    const array = (path && at(variables, path)) as np.Array | undefined;
    if (path && !array) continue;
    made[name] = theirs
      ? theirs(array?.ref as np.Array, variables as never)
      : (array as np.Array).ref;
  }
  for (const { prefix, path, theirs } of owned) {
    const own = at(variables, path) as ArrayTree | undefined;
    if (!own) continue;
    const tensors = theirs(tree.ref(own), variables as never);
    for (const [name, tensor] of Object.entries(tensors)) made[`${prefix}${name}`] = tensor;
  }
  for (const { prefix, place, module } of parts) {
    const [params, state] = ["params", "state"].map((root) => at(variables, [root, ...place]));
    for (const [name, tensor] of Object.entries(tensorsOf(module, { params, state }))) {
      made[`${prefix}${name}`] = tensor;
    }
  }
}

/** What gradients reach of a module; of parts that share a place the first alone. */
export function trainedPart({ fields, owned = [], parts = [] }: Module): Module {
  const places = parts.map(({ place }) => String(place));
  return {
    fields: fields.filter(({ path }) => path?.[0] === "params"),
    owned: owned.filter(({ path }) => path[0] === "params"),
    parts: parts
      .filter((_, at) => places.indexOf(places[at] as string) === at)
      .map(({ module, ...part }) => ({ ...part, module: trainedPart(module) })),
  };
}

/** What stands at a place, if anything does. */
function at(node: unknown, path: Path): unknown {
  return path.reduce<unknown>((found, key) => (found as Node | undefined)?.[key], node);
}

/** Lets `value` stand at a place; numbers are places in lists. */
function put(node: Node, [key = "", ...rest]: Path, value: unknown): void {
  if (rest.length === 0) {
    node[key] = value;
    return;
  }
  node[key] ??= typeof rest[0] === "number" ? [] : {};
  put(node[key] as Node, rest, value);
}

/** Names for an error, some of many. */
const listed = (names: readonly string[]) =>
  names.length <= 40
    ? names.join(", ")
    : `${names.slice(0, 40).join(", ")} and ${names.length - 40} more`;

/** The tensors whose names start with `prefix`, named by what follows. */
export const below = (tensors: Tensors, prefix: string): Tensors =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );
