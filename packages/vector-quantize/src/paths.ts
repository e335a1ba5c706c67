/** Graph, kernels or shaders: who computes what. Nothing else decides it. */

import type { numpy as np } from "@jax-js/jax";
import { supports } from "./kernels/engine/kernelModule.ts";

/** Kernels run on the CPU, so what lies on its devices is theirs. */
function onCpu(x: np.Array): boolean {
  return x.device === "wasm" || x.device === "cpu";
}

/** Whether kernels run with SIMD here. Without it their references do, which are made to be exact. */
export function kernelsAreFast(): boolean {
  return supports("plain");
}

/**
 * What all compute of `x` to one meaning: by the kernels on the CPU, by shaders on WebGPU, and by a graph
 * where there are none.
 */
export function byPath<T>(
  x: np.Array,
  kernels: (() => T) | false | undefined,
  graph: () => T,
  shaders?: (() => T) | false,
): T {
  const own = onCpu(x) ? kernels : x.device === "webgpu" && shaders;
  return own ? own() : graph();
}

/** Whether the layers of a model run on the kernels for `x`, outside of any trace. */
export const layersOnKernels = (x: np.Array): boolean => onCpu(x) && kernelsAreFast();

/** What of a quantizer tells how a training step may run. */
interface Trainable {
  readonly trainsApart?: boolean;
  readonly pass?: unknown;
  readonly prepare?: unknown;
}

/** Whether a training step on `x` searches and updates on shaders, apart from its graph. */
export const stepsOnShaders = ({ trainsApart, prepare }: Trainable, x: np.Array): boolean =>
  x.device === "webgpu" && trainsApart === true && !prepare;

/**
 * How a training step of a quantizer on `x` runs: by a pass of its own on the kernels; as a search and
 * an update on kernels or shaders, and the rest in a graph; or all in a graph.
 */
export function trainingPath(quantizer: Trainable, x: np.Array): "pass" | "apart" | "graph" {
  if (!onCpu(x)) return stepsOnShaders(quantizer, x) ? "apart" : "graph";
  if (quantizer.pass && kernelsAreFast()) return "pass";
  return quantizer.trainsApart ? "apart" : "graph";
}
