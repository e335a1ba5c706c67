/** Which continuations of a row's sequences are kept. */
import { Search, Sequences } from "./beamMemory";
import { Codebook } from "../search/packedCodebook";
import { squaredDistance } from "../search/distance";

/**
 * The `wanted` best continuations of row `r`'s sequences, from `width` lines of scanned scores:
 * to `best`, `parents` and `codes`, best first.
 */
export function choose(
  search: Search,
  book: Codebook,
  before: Sequences,
  lines: usize,
  stride: usize,
  r: i32,
  wanted: i32,
  weight: f64,
): void {
  const width = before.width;
  const codes = book.size;
  const best = search.best;
  const last = best + (<usize>(wanted - 1) << 3);

  // The least scanned scores: an estimate of the worst score that is kept.
  for (let i = 0; i < wanted; ++i) store<f64>(best + (<usize>i << 3), Infinity);
  for (let j = 0; j < width; ++j) {
    const base = baseScore(search, before, r, j, weight);
    const line = lines + <usize>j * stride;
    let limit = f32x4.splat(<f32>((load<f64>(last) - base) / (2 * weight)));
    for (let k = 0; k < codes; k += 4) {
      const scores = v128.load(line + (<usize>k << 2));
      const hits = f32x4.lt(scores, limit);
      if (!v128.any_true(hits)) continue;
      for (let l = k, n = min(k + 4, codes); l < n; ++l) {
        const score = base + 2 * weight * <f64>load<f32>(line + (<usize>l << 2));
        if (score < load<f64>(last)) insert(best, wanted, score);
      }
      limit = f32x4.splat(<f32>((load<f64>(last) - base) / (2 * weight)));
    }
  }
  const worst = load<f64>(last);
  let error: f64 = 0;
  for (let j = 0; j < width; ++j) error = max(error, load<f64>(search.errors + (<usize>j << 3)));

  // The candidates that this leaves, by their distances.
  for (let i = 0; i < wanted; ++i) store<f64>(best + (<usize>i << 3), Infinity);
  for (let j = 0; j < width; ++j) {
    const h = <usize>(r * width + j);
    const base = baseScore(search, before, r, j, weight);
    const line = lines + <usize>j * stride;
    const residual = before.residuals + (h * search.dim << 2);
    const carried = search.carry * load<f64>(before.scores + (h << 3));
    const bound =
      (worst - base) / (2 * weight) + error + load<f64>(search.errors + (<usize>j << 3));
    const limit = f32x4.splat(<f32>(bound + abs(bound) * 1e-6));
    for (let k = 0; k < codes; k += 4) {
      const hits = f32x4.le(v128.load(line + (<usize>k << 2)), limit);
      if (!v128.any_true(hits)) continue;
      for (let l = k, n = min(k + 4, codes); l < n; ++l) {
        if (load<f32>(line + (<usize>l << 2)) > f32x4.extract_lane(limit, 0)) continue;
        const code = book.codes + (<usize>(l * search.dim) << 2);
        const score = carried + weight * <f64>squaredDistance(residual, code, search.dim);
        if (!(score < load<f64>(last))) continue;
        const at = insert(best, wanted, score);
        put(search.parents, wanted, at, j);
        put(search.codes, wanted, at, l);
      }
    }
  }
}

/** A sequence's score so far and the part of the next distance that does not depend on the code. */
// @ts-ignore: decorator
@inline
function baseScore(search: Search, before: Sequences, r: i32, j: i32, weight: f64): f64 {
  const score = load<f64>(before.scores + (<usize>(r * before.width + j) << 3));
  return search.carry * score + weight * load<f64>(search.squares + (<usize>j << 3));
}

/** Puts `score` into the rising `list` of `count`, after its equals; returns its place. */
function insert(list: usize, count: i32, score: f64): i32 {
  let at = count - 1;
  while (at > 0 && score < load<f64>(list + (<usize>(at - 1) << 3))) {
    store<f64>(list + (<usize>at << 3), load<f64>(list + (<usize>(at - 1) << 3)));
    --at;
  }
  store<f64>(list + (<usize>at << 3), score);
  return at;
}

/** Puts `item` into the list at place `at`, moving up those behind it. */
function put(list: usize, count: i32, at: i32, item: i32): void {
  for (let i = count - 1; i > at; --i) {
    store<i32>(list + (<usize>i << 2), load<i32>(list + (<usize>(i - 1) << 2)));
  }
  store<i32>(list + (<usize>at << 2), item);
}
