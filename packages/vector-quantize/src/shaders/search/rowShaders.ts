import type { Shader } from "../gpu.ts";
import { LIMIT_BITS } from "./bounds.ts";
import { OPEN, prelude, UNUSABLE } from "./prelude.ts";

/** Rows of a workgroup where a thread has one. */
export const GROUP_ROWS = 64;

/** What rows and codes are measured by: sums of their squares, and the largest bits of a number's size. */
const measuring = `
struct Sums { own: f32, moved: f32, size: u32 }
fn sumsOf(first: u32) -> Sums {
  var sums = Sums(0f, 0f, 0u);
  for (var d = 0u; d < call.dim; d++) {
    let bits = values[first + d];
    let value = bitcast<f32>(bits);
    let moved = value - origin[d];
    sums.own = fma(value, value, sums.own);
    sums.moved = fma(moved, moved, sums.moved);
    sums.size = max(sums.size, bits & 0x7fffffffu); // by bits: a device may assume that there is no NaN
  }
  return sums;
}
fn lengthOf(square: f32) -> f32 { return sqrt(square) + 0x1p-49f; }
`;

/** Length and half the square of each code, and how many codes have numbers too large to be searched. */
export const measureCodes: Shader = {
  name: "measure codes",
  code: `${prelude}
@group(0) @binding(1) var<storage, read> values: array<u32>; // [K, D], float32
@group(0) @binding(2) var<storage, read> origin: array<f32>; // [D]
@group(0) @binding(3) var<storage, read_write> measures: array<vec4f>; // [K]
@group(0) @binding(4) var<storage, read_write> counters: array<atomic<u32>>; // open rows, refused codes
${measuring}
@compute @workgroup_size(${GROUP_ROWS})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var code = id.x; code < call.codes; code += groups.x * ${GROUP_ROWS}) {
    let sums = sumsOf(code * call.dim);
    measures[code] = vec4f(lengthOf(sums.moved), call.halfSquare * sums.moved, 0, 0);
    if (sums.size >= ${LIMIT_BITS}u) { atomicAdd(&counters[1], 1u); }
  }
}
`,
};

/** Length of each row, how fast its error grows with a code's length, and what is wrong with it. */
export const measureRows: Shader = {
  name: "measure rows",
  code: `${prelude}
@group(0) @binding(1) var<storage, read> values: array<u32>; // [N, D], float32
@group(0) @binding(2) var<storage, read> origin: array<f32>; // [D]
@group(0) @binding(3) var<storage, read_write> measures: array<vec4f>; // [rows]
@group(0) @binding(4) var<storage, read_write> marks: array<u32>; // [N]
@group(0) @binding(5) var<storage, read_write> drifts: array<f32>; // [N]: how far a row is off
${measuring}
@compute @workgroup_size(${GROUP_ROWS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= call.rows) { return; }
  let row = call.firstRow + id.x;
  let sums = sumsOf(row * call.dim);
  if (call.layer == 0) {
    marks[row] = select(0u, ${UNUSABLE}u, sums.size >= ${LIMIT_BITS}u);
  } else {
    drifts[row] += lengthOf(sums.own) * 0x1p-22f; // of what the last subtraction rounded off, and more
  }
  let length = lengthOf(sums.moved);
  measures[id.x] = vec4f(length, call.gamma * length + drifts[row], 0, 0);
}
`,
};

/** A device that scores a code in two ways could find it twice; what is near it is in doubt already. */
const TWICE = `
  doubt = doubt | ((call.layer > 0) & (best.code == lasts[id.x].code));
  lasts[id.x] = Last(best.score, best.code);`;

const settling = (again: boolean): Shader => ({
  name: again ? "settle round" : "settle rows",
  code: `${prelude}
@group(0) @binding(1) var<storage, read> measures: array<vec4f>; // [rows]
@group(0) @binding(2) var<storage, read> found: array<Found>; // [parts, rows]
@group(0) @binding(3) var<storage, read_write> marks: array<u32>; // [N]
@group(0) @binding(4) var<storage, read_write> indices: array<i32>; // [N, columns]
@group(0) @binding(5) var<storage, read_write> counters: array<atomic<u32>>;
@group(0) @binding(6) var<storage, read_write> open: array<u32>; // [N]
${again ? "@group(0) @binding(7) var<storage, read_write> lasts: array<Last>; // [rows]" : ""}
@compute @workgroup_size(${GROUP_ROWS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= call.rows) { return; }
  let row = call.firstRow + id.x;
  var best = NOTHING;
  for (var part = 0u; part < call.parts; part++) {
    best = better(best, found[part * call.rows + id.x]);
  }
  let length = measures[id.x].x;
  var doubt = !(best.others > best.score + best.error + call.double * length * length);
  ${again ? TWICE : ""}
  let mark = max(marks[row], select(0u, ${OPEN}u, doubt));
  marks[row] = mark;
  indices[row * call.columns + call.layer] = select(i32(best.code), -1, mark == ${UNUSABLE});
  if ((mark == ${OPEN}) & (call.layer + 1 == call.layers)) {
    open[atomicAdd(&counters[0], 1u)] = row;
  }
}
`,
});

/** The best code of each row out of all parts; after the last layer the open rows, in any order. */
export const settleRows: Shader = settling(false);

/** The same of a round of a search for several codes of each row. */
export const settleRound: Shader = settling(true);

/** What a layer leaves of the rows: each less its code. */
export const subtractCodes: Shader = {
  name: "subtract codes",
  code: `${prelude}
@group(0) @binding(1) var<storage, read> codes: array<f32>; // [K, D]
@group(0) @binding(2) var<storage, read> indices: array<i32>; // [N, columns]
@group(0) @binding(3) var<storage, read_write> left: array<f32>; // [N, D]
@compute @workgroup_size(${GROUP_ROWS})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < call.rows * call.dim; i += groups.x * ${GROUP_ROWS}) {
    let row = call.firstRow + i / call.dim;
    let code = max(indices[row * call.columns + call.layer], 0);
    left[row * call.dim + i % call.dim] -= codes[u32(code) * call.dim + i % call.dim];
  }
}
`,
};

/** The open rows side by side. */
export const copyRows: Shader = {
  name: "copy rows",
  code: `${prelude}
@group(0) @binding(1) var<storage, read> vectors: array<u32>; // [N, D]
@group(0) @binding(2) var<storage, read> open: array<u32>;
@group(0) @binding(3) var<storage, read_write> gathered: array<u32>; // [rows, D]
@compute @workgroup_size(${GROUP_ROWS})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < call.rows * call.dim; i += groups.x * ${GROUP_ROWS}) {
    gathered[i] = vectors[open[i / call.dim] * call.dim + i % call.dim];
  }
}
`,
};

/** The indices that were found elsewhere, in the places of the open rows. */
export const fillRows: Shader = {
  name: "fill rows",
  code: `${prelude}
@group(0) @binding(1) var<storage, read> open: array<u32>;
@group(0) @binding(2) var<storage, read> decided: array<i32>; // [rows, layers]
@group(0) @binding(3) var<storage, read_write> indices: array<i32>; // [N, columns]
@compute @workgroup_size(${GROUP_ROWS})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < call.rows * call.layers; i += groups.x * ${GROUP_ROWS}) {
    indices[open[i / call.layers] * call.columns + i % call.layers] = decided[i];
  }
}
`,
};
