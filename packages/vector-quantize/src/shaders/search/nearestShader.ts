import type { Shader } from "../gpu.ts";
import { prelude } from "./prelude.ts";

/** Features that a tile takes at a time. */
const STEP = 16;

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/**
 * The nearest code of each row in the codes that a workgroup walks over: every `parts`th tile of them.
 *
 * A workgroup of 16 x 16 threads compares `side` rows with `side` codes at a time, `STEP` features after
 * one another in its own memory; a thread has `quads` times 4 rows and codes in registers. Of a row only
 * the best code so far is kept, so that memory grows with N and K alone.
 *
 * @param quads 1 or 2: a larger tile reads less memory for a product, and wants more rows to go round
 * @param again whether codes are passed over that come before the last one found, by score and then by index,
 *   and that one: the next code of each row
 */
export function nearestShader(quads: 1 | 2, again = false): Shader & { readonly side: number } {
  const rows = range(4 * quads);
  const all = range(quads);
  const side = 64 * quads;
  const vectors = 16 * quads; // of 4 rows or codes, in a tile
  const component = (i: number) => "xyzw"[i % 4];
  const code = `${prelude}
@group(0) @binding(1) var<storage, read> vectors: array<f32>; // [N, D]
@group(0) @binding(2) var<storage, read> codes: array<f32>; // [K, D]
@group(0) @binding(3) var<storage, read> origin: array<f32>; // [D]
@group(0) @binding(4) var<storage, read> rowMeasures: array<vec4f>; // [rows]: length, slope
@group(0) @binding(5) var<storage, read> codeMeasures: array<vec4f>; // [K]: length, half square
@group(0) @binding(6) var<storage, read_write> found: array<Found>; // [parts, rows]
${again ? "@group(0) @binding(7) var<storage, read> lasts: array<Last>; // [rows]" : ""}

var<workgroup> rowTile: array<vec4f, ${STEP * vectors}>;
var<workgroup> codeTile: array<vec4f, ${STEP * vectors}>;
var<workgroup> ofRow: array<Found, 256>;

fn numberOf(row: u32, at: u32) -> f32 {
  if ((row >= call.rows) | (at >= call.dim)) { return 0; }
  return vectors[(call.firstRow + row) * call.dim + at] - origin[at];
}
fn codeNumber(code: u32, at: u32) -> f32 {
  if ((code >= call.codes) | (at >= call.dim)) { return 0; }
  return codes[code * call.dim + at] - origin[at];
}
// A code, its measures and its product with a row, beside the best so far.
fn consider(best: Found, product: f32, code: u32, measure: vec2f, slope: f32, last: Last) -> Found {
  let score = measure.y - product;
  let error = measure.x * (slope + call.gamma * call.halfSquare * measure.x);
  ${again ? "if ((score < last.score) | ((score <= last.score) & (code <= last.code))) { return best; }" : ""}
  let wins = score < best.score;
  let lost = select(score - error, best.score - best.error, wins);
  return Found(
    select(best.score, score, wins), select(best.error, error, wins),
    min(best.others, lost), select(best.code, code, wins),
  );
}
fn measureOf(code: u32) -> vec2f {
  if (code >= call.codes) { return vec2f(0, LARGEST); }
  return codeMeasures[code].xy;
}
fn lastOf(row: u32) -> Last {
  ${again ? "if (row < call.rows) { return lasts[row]; }" : ""}
  return Last(0f, 0u);
}
fn slopeOf(row: u32) -> f32 {
  if (row >= call.rows) { return 0; }
  return rowMeasures[row].y;
}

@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) own: vec3u,
  @builtin(local_invocation_index) at: u32,
) {
  let firstRow = group.x * ${side};
  ${rows.map((r) => `let row${r} = firstRow + 4 * own.y + ${64 * (r >> 2) + (r % 4)};`).join("\n  ")}
  ${rows.map((r) => `let slope${r} = slopeOf(row${r});`).join("\n  ")}
  ${rows.map((r) => `let last${r} = lastOf(row${r});`).join("\n  ")}
  ${rows.map((r) => `var best${r} = NOTHING;`).join("\n  ")}
  let tiles = (call.codes + ${side - 1}) / ${side};
  for (var tile = group.y; tile < tiles; tile += call.parts) {
    let firstCode = tile * ${side};
    ${rows.flatMap((r) => all.map((q) => `var sum${r}_${q} = vec4f(0);`)).join("\n    ")}
    for (var step = 0u; step < call.dim; step += ${STEP}) {
      workgroupBarrier();
      for (var i = at; i < ${STEP * vectors}; i += 256) {
        let feature = step + i % ${STEP};
        let first = 4 * (i / ${STEP});
        let place = (i % ${STEP}) * ${vectors} + i / ${STEP};
        rowTile[place] = vec4f(${range(4).map((j) => `numberOf(firstRow + first + ${j}, feature)`)});
        codeTile[place] = vec4f(${range(4).map((j) => `codeNumber(firstCode + first + ${j}, feature)`)});
      }
      workgroupBarrier();
      for (var d = 0u; d < ${STEP * vectors}; d += ${vectors}) {
        ${all.map((q) => `let a${q} = rowTile[d + own.y + ${16 * q}];`).join("\n        ")}
        ${all.map((q) => `let b${q} = codeTile[d + own.x + ${16 * q}];`).join("\n        ")}
        ${rows
          .flatMap((r) =>
            all.map((q) => {
              const number = `a${r >> 2}.${component(r)}`;
              return `sum${r}_${q} = fma(vec4f(${number}), b${q}, sum${r}_${q});`;
            }),
          )
          .join("\n        ")}
      }
    }
    ${all
      .flatMap((q) =>
        range(4).map((j) => {
          const code = `code${q}_${j}`;
          const product = (r: number) => `sum${r}_${q}.${component(j)}`;
          const considered = rows.map(
            (r) =>
              `best${r} = consider(best${r}, ${product(r)}, ${code}, of_${code}, slope${r}, last${r});`,
          );
          return `let ${code} = firstCode + 4 * own.x + ${64 * q + j};
    let of_${code} = measureOf(${code});
    ${considered.join("\n    ")}`;
        }),
      )
      .join("\n    ")}
  }
  ${rows
    .map(
      (r) => `
  workgroupBarrier();
  ofRow[at] = best${r};
  workgroupBarrier();
  if ((own.x == 0) & (row${r} < call.rows)) {
    for (var i = 1u; i < 16; i++) { best${r} = better(best${r}, ofRow[at + i]); }
    found[group.y * call.rows + row${r}] = best${r};
  }`,
    )
    .join("")}
}
`;
  return { name: `${again ? "next" : "nearest"} ${side}`, code, side };
}
