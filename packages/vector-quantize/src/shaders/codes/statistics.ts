import { STATS_SEGMENT } from "../../kernels/codes/assignStats.reference.ts";
import { gpu, MOST_GROUPS, Scratch, USAGE } from "../gpu.ts";
import {
  addBlocks,
  countDigits,
  FEATURE_THREADS,
  findStarts,
  GROUP,
  listRows,
  orderByDigit,
  placeDigits,
  statisticsCall,
  sumBlocks,
} from "./statisticsShaders.ts";

/** Vectors and their codes on the device, and where counts and sums go. */
export interface Assigned {
  readonly vectors: GPUBuffer; // [N, D]
  /** int32; rows outside 0 to K - 1 are left out. */
  readonly indices: GPUBuffer; // [N]
  readonly rows: number;
  readonly dim: number;
  readonly codes: number;
  /** Of zeros. */
  readonly counts: GPUBuffer; // float32 [K]
  /** Of zeros. */
  readonly sums: GPUBuffer; // [K, D]
}

const shaders = [
  listRows,
  countDigits,
  placeDigits,
  orderByDigit,
  findStarts,
  sumBlocks,
  addBlocks,
];

/** Rows of a segment: what the definition says, as far as one dispatch goes. */
const segmentRows = (dim: number) =>
  Math.min(Math.max(GROUP, Math.floor(STATS_SEGMENT / dim)), GROUP * MOST_GROUPS);

/**
 * Counts and sums of the vectors of each code, in the order of additions that defines `assignStats`, so
 * that no run differs from another: rows are ordered by code, by stable passes over eight bits each, and
 * summed by blocks. Nothing is read back, and memory grows with N and K.
 */
export async function sumByCode(assigned: Assigned): Promise<void> {
  const { vectors, indices, rows, dim, codes, counts, sums } = assigned;
  const device = gpu();
  await device.load(shaders);
  using scratch = new Scratch(device.device);
  const most = Math.min(rows, segmentRows(dim));
  const blocks = Math.ceil(most / GROUP);
  let order = scratch.take(8 * most);
  let ordered = scratch.take(8 * most);
  const digits = scratch.take(4 * 256 * blocks);
  const starts = scratch.take(4 * (codes + 1));
  const ofBlocks = scratch.take(4 * (blocks + codes) * dim);
  const submitted: Promise<void>[] = [];
  for (let firstRow = 0; firstRow < rows; firstRow += most) {
    const count = Math.min(most, rows - firstRow);
    const groups: [number] = [Math.ceil(count / GROUP)];
    const call = (shift = 0) =>
      scratch.hold(statisticsCall({ firstRow, rows: count, codes, dim, shift }), USAGE.uniform);
    const submit = device.submit((dispatch) => {
      dispatch(listRows, groups, [call(), indices, order]);
      for (let shift = 0; codes >> shift > 0; shift += 8) {
        const own = call(shift);
        dispatch(countDigits, groups, [own, order, digits]);
        dispatch(placeDigits, [1], [own, digits]);
        dispatch(orderByDigit, groups, [own, order, digits, ordered]);
        [order, ordered] = [ordered, order];
      }
      dispatch(findStarts, [Math.ceil((count + 1) / GROUP)], [call(), order, starts]);
      const inFeatures = Math.ceil(dim / FEATURE_THREADS);
      dispatch(sumBlocks, [inFeatures, groups[0]], [call(), order, vectors, ofBlocks]);
      const turns = Math.min(MOST_GROUPS, Math.ceil((codes * dim) / GROUP));
      dispatch(addBlocks, [turns], [call(), starts, ofBlocks, counts, sums]);
    });
    submitted.push(submit);
  }
  await Promise.all(submitted);
}
