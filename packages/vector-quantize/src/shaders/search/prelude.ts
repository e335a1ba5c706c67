import { doubleOf, gammaOf } from "./bounds.ts";

/** What a dispatch of a search shader is told. */
export interface SearchCall {
  /** Rows from `firstRow` on, of `columns` layers in the answer. */
  readonly firstRow: number;
  readonly rows: number;
  readonly columns: number;
  /** The layer that is searched, or the round of a search for several codes, of how many. */
  readonly layer: number;
  readonly layers: number;
  readonly codes: number;
  readonly dim: number;
  /** Workgroups that share the codes of a row. */
  readonly parts: number;
  readonly euclidean: boolean;
}

/** Rows are marked by what becomes of them. */
export const OPEN = 1;
export const UNUSABLE = 2;

/** `Call` of WGSL, and what all search shaders know. */
export const prelude = `
struct Call {
  firstRow: u32, rows: u32, columns: u32, layer: u32,
  layers: u32, codes: u32, dim: u32, parts: u32,
  gamma: f32, halfSquare: f32, double: f32, pad: f32,
}
// The best code of a row: its score and how far that may be off, and below which no other's is.
struct Found { score: f32, error: f32, others: f32, code: u32 }
// What the round before found of a row.
struct Last { score: f32, code: u32 }
const LARGEST = 3.4e38f;
const NOTHING = Found(LARGEST, 0f, LARGEST, 0u);
@group(0) @binding(0) var<uniform> call: Call;
fn better(a: Found, b: Found) -> Found {
  let second = (b.score < a.score) | ((b.score <= a.score) & (b.code < a.code));
  let lost = select(b.score - b.error, a.score - a.error, second);
  return Found(
    select(a.score, b.score, second), select(a.error, b.error, second),
    min(min(a.others, b.others), lost), select(a.code, b.code, second),
  );
}
`;

/** A call as `Call`. */
export function searchCall(call: SearchCall): Uint32Array<ArrayBuffer> {
  const { firstRow, rows, columns, layer, layers, codes, dim, parts, euclidean } = call;
  const numbers = new Uint32Array(12);
  numbers.set([firstRow, rows, columns, layer, layers, codes, dim, parts]);
  const floats = new Float32Array(numbers.buffer);
  floats.set([gammaOf(dim), euclidean ? 0.5 : 0, doubleOf(dim)], 8);
  return numbers;
}
