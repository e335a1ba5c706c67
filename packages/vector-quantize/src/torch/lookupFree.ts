/** What the classes whose codes are computed share: linear maps, a rotation, and their options. */
import type { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { Layout } from "../layout/layout.ts";
import type { LinearMap } from "../layout/linear.ts";
import type { RotationState } from "../quantizers/fsq.ts";
import type { LookupFreeParams } from "../quantizers/lookupFree/family.ts";
import { joined } from "./prefixes.ts";
import type { Shapes } from "./tensors.ts";

type Tensors = Record<string, np.Array>;

/** What such a module keeps of its arrays. */
export interface LookupFreeArrays {
  dim: number;
  /** Features of the codes of all codebooks. */
  width: number;
  /** Whether linear maps lead in and out. */
  maps: boolean;
  bias: boolean;
  /** Whether the map in is LFQ's of cosine similarities. */
  cosine?: boolean;
  /** Features of a rotated code, if codes are rotated. */
  rotated?: number;
}

export function lookupFreeShapes({
  dim,
  width,
  maps,
  bias,
  cosine,
  rotated,
}: LookupFreeArrays): Shapes {
  const inBias = bias && !cosine;
  return joined<readonly number[]>([
    maps ? { "project_in.weight": cosine ? [dim, width] : [width, dim] } : {},
    maps && inBias ? { "project_in.bias": [width] } : {},
    maps ? { "project_out.weight": [dim, width] } : {},
    maps && bias ? { "project_out.bias": [dim] } : {},
    rotated === undefined ? {} : { orthogonal_rot: [rotated, rotated] },
  ]);
}

/** Ours; keeps no reference to `tensors`. */
export function lookupFreeVariables(
  { maps, cosine }: LookupFreeArrays,
  tensors: Tensors,
): { params: LookupFreeParams; state: RotationState } {
  const map = (name: string, kept = false): LinearMap => {
    const weight = (tensors[`${name}.weight`] as np.Array).ref;
    const bias = tensors[`${name}.bias`];
    return { weight: kept ? weight : weight.transpose(), ...(bias && { bias: bias.ref }) };
  };
  const rotation = tensors.orthogonal_rot;
  return {
    params: maps ? { projectIn: map("project_in", cosine), projectOut: map("project_out") } : {},
    state: rotation ? { rotation: rotation.ref } : {},
  };
}

/**
 * The linear maps, or their gradients, as a `state_dict` names them; keeps no reference to them.
 *
 * @param cosine whether the map in is LFQ's of cosine similarities, whose weight is `[in, out]` there too
 */
export function lookupFreeParamTensors(
  { projectIn, projectOut }: LookupFreeParams,
  cosine = false,
): Tensors {
  const tensors = (name: string, map: LinearMap | undefined, kept = false): Tensors => ({
    ...(map && { [`${name}.weight`]: kept ? map.weight.ref : map.weight.ref.transpose() }),
    ...(map?.bias && { [`${name}.bias`]: map.bias.ref }),
  });
  return { ...tensors("project_in", projectIn, cosine), ...tensors("project_out", projectOut) };
}

/** The rotation of a state, if it has one, as a `state_dict` names it. */
export const rotationTensors = ({ rotation }: RotationState): Tensors =>
  rotation ? { orthogonal_rot: rotation.ref } : {};

/** Our layout, where it is not the default. */
export const layoutOption = (channelFirst: boolean | null): { layout?: Layout } =>
  channelFirst ? { layout: "channelFirst" } : {};

/** Whether features stand second: of sequences, images and videos alike. */
export const isChannelFirst = (layout: Layout): boolean => layout !== "channelLast";

/** Throws if an index takes more than one int32: the reference has no other. */
export function checkOneWord(where: string, levels: readonly number[]): void {
  const codes = levels.reduce((product, count) => product * count, 1);
  if (codes > 2 ** 31) throw expected(where, "at most 2^31 codes, as in the reference", codes);
}
