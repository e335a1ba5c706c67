import { STATS_BLOCK } from "../../kernels/codes/assignStats.reference.ts";
import type { Shader } from "../gpu.ts";

/** Rows of a workgroup: a block of `STATS_BLOCK` positions too. */
export const GROUP = STATS_BLOCK;
/** Threads that share the features of a row. */
export const FEATURE_THREADS = 64;

/** What a dispatch of these shaders is told. */
export interface StatisticsCall {
  /** Rows from `firstRow` on: a segment. */
  readonly firstRow: number;
  readonly rows: number;
  readonly codes: number;
  readonly dim: number;
  /** The eight bits of the keys that this pass orders by. */
  readonly shift: number;
}

export function statisticsCall(call: StatisticsCall): Uint32Array<ArrayBuffer> {
  const { firstRow, rows, codes, dim, shift } = call;
  return Uint32Array.of(firstRow, rows, codes, dim, shift, Math.ceil(rows / GROUP), 0, 0);
}

/** `keys` are codes, K for rows that are left out; `order` has the rows, counted from `firstRow`. */
const prelude = `
struct Call { firstRow: u32, rows: u32, codes: u32, dim: u32, shift: u32, blocks: u32 }
struct Entry { key: u32, row: u32 }
@group(0) @binding(0) var<uniform> call: Call;
fn digitOf(key: u32) -> u32 { return (key >> call.shift) & 255; }
`;

/** The rows as they lie, with their codes. */
export const listRows: Shader = {
  name: "list rows",
  code: `${prelude}
@group(0) @binding(1) var<storage, read> indices: array<i32>; // [N]
@group(0) @binding(2) var<storage, read_write> order: array<Entry>; // [rows]
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= call.rows) { return; }
  let index = indices[call.firstRow + id.x];
  let key = select(u32(index), call.codes, (index < 0) | (index >= i32(call.codes)));
  order[id.x] = Entry(key, id.x);
}
`,
};

/** How many rows of each block have each digit. */
export const countDigits: Shader = {
  name: "count digits",
  code: `${prelude}
@group(0) @binding(1) var<storage, read> order: array<Entry>; // [rows]
@group(0) @binding(2) var<storage, read_write> counts: array<u32>; // [256, blocks]
var<workgroup> ofDigit: array<atomic<u32>, 256>;
@compute @workgroup_size(${GROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) at: u32) {
  let place = group.x * ${GROUP} + at;
  if (place < call.rows) { atomicAdd(&ofDigit[digitOf(order[place].key)], 1u); }
  workgroupBarrier();
  counts[at * call.blocks + group.x] = atomicLoad(&ofDigit[at]);
}
`,
};

/** Where the rows of each digit and block begin: the sum of all counts before. One workgroup. */
export const placeDigits: Shader = {
  name: "place digits",
  code: `${prelude}
@group(0) @binding(1) var<storage, read_write> counts: array<u32>; // [256, blocks]
var<workgroup> ofDigit: array<u32, 256>;
@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) digit: u32) {
  var sum = 0u;
  for (var block = 0u; block < call.blocks; block++) { sum += counts[digit * call.blocks + block]; }
  ofDigit[digit] = sum;
  workgroupBarrier();
  var place = 0u;
  for (var before = 0u; before < digit; before++) { place += ofDigit[before]; }
  for (var block = 0u; block < call.blocks; block++) {
    let count = counts[digit * call.blocks + block];
    counts[digit * call.blocks + block] = place;
    place += count;
  }
}
`,
};

/** The rows in the order of this digit; those that share it stay in the order in which they were. */
export const orderByDigit: Shader = {
  name: "order by digit",
  code: `${prelude}
@group(0) @binding(1) var<storage, read> order: array<Entry>; // [rows]
@group(0) @binding(2) var<storage, read> places: array<u32>; // [256, blocks]
@group(0) @binding(3) var<storage, read_write> ordered: array<Entry>; // [rows]
var<workgroup> digits: array<u32, ${GROUP}>;
@compute @workgroup_size(${GROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) at: u32) {
  let place = group.x * ${GROUP} + at;
  var entry = Entry(0u, 0u);
  if (place < call.rows) { entry = order[place]; }
  let digit = digitOf(entry.key);
  digits[at] = digit;
  workgroupBarrier();
  if (place >= call.rows) { return; }
  var before = 0u;
  for (var other = 0u; other < at; other++) { before += u32(digits[other] == digit); }
  ordered[places[digit * call.blocks + group.x] + before] = entry;
}
`,
};

/** Where each code's rows begin, and after the last one those without a code. */
export const findStarts: Shader = {
  name: "find starts",
  code: `${prelude}
@group(0) @binding(1) var<storage, read> order: array<Entry>; // [rows]
@group(0) @binding(2) var<storage, read_write> starts: array<u32>; // [K + 1]
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x > call.rows) { return; }
  var first = 0u;
  if (id.x > 0) { first = order[id.x - 1].key + 1; }
  var end = call.codes;
  if (id.x < call.rows) { end = order[id.x].key; }
  for (var code = first; code <= end; code++) { starts[code] = id.x; }
}
`,
};

/**
 * The sums of blocks of positions, a number for each code that has some there. A block and a code share
 * the place `block + code`: along the positions it only rises.
 */
export const sumBlocks: Shader = {
  name: "sum blocks",
  code: `${prelude}
@group(0) @binding(1) var<storage, read> order: array<Entry>; // [rows]
@group(0) @binding(2) var<storage, read> vectors: array<f32>; // [N, D]
@group(0) @binding(3) var<storage, read_write> sums: array<f32>; // [blocks + K, D]
@compute @workgroup_size(${FEATURE_THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(global_invocation_id) id: vec3u) {
  let feature = id.x;
  let block = group.y;
  if (feature >= call.dim) { return; }
  let end = min((block + 1) * ${STATS_BLOCK}, call.rows);
  var code = order[block * ${STATS_BLOCK}].key;
  var sum = 0f;
  for (var place = block * ${STATS_BLOCK}; place < end; place++) {
    let entry = order[place];
    if (entry.key != code) {
      sums[(block + code) * call.dim + feature] = sum;
      code = entry.key;
      sum = 0;
    }
    if (code == call.codes) { break; }
    sum += vectors[(call.firstRow + entry.row) * call.dim + feature];
  }
  if (code < call.codes) { sums[(block + code) * call.dim + feature] = sum; }
}
`,
};

/** The sums of the blocks of each code, in their order, added to those of the segments before. */
export const addBlocks: Shader = {
  name: "add blocks",
  code: `${prelude}
@group(0) @binding(1) var<storage, read> starts: array<u32>; // [K + 1]
@group(0) @binding(2) var<storage, read> sums: array<f32>; // [blocks + K, D]
@group(0) @binding(3) var<storage, read_write> counts: array<f32>; // [K]
@group(0) @binding(4) var<storage, read_write> totals: array<f32>; // [K, D]
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < call.codes * call.dim; i += groups.x * ${GROUP}) {
    let code = i / call.dim;
    let feature = i % call.dim;
    let begin = starts[code];
    let end = starts[code + 1];
    if (feature == 0) { counts[code] += f32(end - begin); }
    var sum = 0f;
    if (end > begin) {
      for (var block = begin / ${STATS_BLOCK}; block <= (end - 1) / ${STATS_BLOCK}; block++) {
        sum += sums[(block + code) * call.dim + feature];
      }
    }
    totals[i] += sum;
  }
}
`,
};
