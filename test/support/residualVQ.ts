/** What the tests of `residualVQ` share: a small quantizer, its input, and its output on the host. */
import { type numpy as np, random, tree } from "@jax-js/jax";
import type { ResidualVariables } from "../../packages/vector-quantize/src/quantizers/residual/layers.ts";
import type {
  ResidualApplyOptions,
  ResidualQuantizer,
} from "../../packages/vector-quantize/src/quantizers/residual.ts";
import {
  type ResidualVQOptions,
  residualVQ,
} from "../../packages/vector-quantize/src/quantizers/residualVQ.ts";
import { numbers, rowsOf } from "./arrays.ts";

export const base: ResidualVQOptions = { dim: 4, numQuantizers: 4, codebookSize: 8 };

/** Normal vectors. */
export const cloud = (seed = 1, shape = [3, 10, 4]): np.Array =>
  random.normal(random.key(seed), shape);

/** A quantizer fitted to a cloud, so that its layers matter. */
export async function fitted(options: Partial<ResidualVQOptions> = {}) {
  const quantizer = residualVQ({ ...base, ...options });
  const variables = await quantizer.fit(quantizer.init(random.key(0)), cloud(7, [320, 4]));
  return { quantizer, variables };
}

/** What `apply` puts out, on the host; keeps the variables. */
export async function run(
  quantizer: ResidualQuantizer,
  variables: ResidualVariables,
  x: np.Array,
  options: ResidualApplyOptions = {},
) {
  const out = quantizer.apply(tree.ref(variables), x, options);
  const columns = out.indices.shape.at(-1) as number;
  const losses = await Promise.all(Object.values(out.losses).map(numbers));
  return {
    quantized: await numbers(out.quantized),
    rows: rowsOf(await numbers(out.indices), columns),
    loss: await numbers(out.loss),
    losses,
    state: out.state,
  };
}

export const meanSquare = (values: readonly number[]): number =>
  values.reduce((sum, v) => sum + v * v, 0) / values.length;

export const difference = (a: readonly number[], b: readonly number[]): number[] =>
  a.map((v, at) => v - (b[at] as number));

/** How many layers gave a row a code. */
export const depthOf = (row: number[] | undefined): number =>
  (row as number[]).filter((index) => index >= 0).length;
