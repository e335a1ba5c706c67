/** The sequences of a block of rows: how they start, and how they go on by a code. */
import { Search, Sequences } from "./beamMemory";
import { Codebook } from "../search/packedCodebook";
import { isFiniteRow } from "../search/rows";
import { subtractRow } from "./subtract";

/** One empty sequence for each row. Returns the number of rows that do not fit. */
export function start(search: Search, to: Sequences, block: usize, count: i32): i32 {
  const dim = search.dim;
  const bytes = <usize>dim << 2;
  let bad = 0;
  to.width = 1;
  for (let r = 0; r < count; ++r) {
    const row = block + <usize>r * bytes;
    const residual = to.residuals + <usize>r * bytes;
    if (fits(row, dim)) memory.copy(residual, row, bytes);
    else {
      memory.fill(residual, 0, bytes);
      ++bad;
    }
    store<f64>(to.scores + (<usize>r << 3), 0);
    store<f64>(to.lengths + (<usize>r << 3), sqrt(squaredLength(residual, dim)));
  }
  return bad;
}

/** Makes the chosen continuations of row `r` its sequences. */
export function advance(
  search: Search,
  book: Codebook,
  before: Sequences,
  after: Sequences,
  r: i32,
  q: i32,
): void {
  const dim = search.dim;
  const layers = search.layers;
  const bytes = <usize>dim << 2;
  for (let i = 0; i < after.width; ++i) {
    const k = load<i32>(search.codes + (<usize>i << 2));
    const from = <usize>(r * before.width + load<i32>(search.parents + (<usize>i << 2)));
    const to = <usize>(r * after.width + i);
    store<f64>(after.scores + (to << 3), load<f64>(search.best + (<usize>i << 3)));
    const path = after.paths + (to * layers << 2);
    memory.copy(path, before.paths + (from * layers << 2), <usize>q << 2);
    store<i32>(path + (<usize>q << 2), k);
    const code = book.codes + <usize>k * bytes;
    subtractRow(before.residuals + from * bytes, code, after.residuals + to * bytes, dim);
    store<f64>(after.lengths + (to << 3), load<f64>(before.lengths + (from << 3)) + search.longest);
  }
}

/** Whether all values of a row are finite and its squared length has room in f32. */
export function fits(row: usize, dim: i32): bool {
  return isFiniteRow(row, dim) && squaredLength(row, dim) < 1e37;
}

/** Sum of row[d]^2. */
export function squaredLength(row: usize, dim: i32): f64 {
  let sum: f64 = 0;
  for (let d = 0; d < dim; ++d) {
    const v = <f64>load<f32>(row + (<usize>d << 2));
    sum += v * v;
  }
  return sum;
}
