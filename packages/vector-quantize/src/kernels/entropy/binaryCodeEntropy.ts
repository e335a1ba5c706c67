import { entropyKernels } from "../engine/binaries/entropy.ts";
import { defaultPool } from "../engine/createPool.ts";
import type { Pool } from "../engine/pool.ts";

/** What `binaryCodeEntropy` takes beside the logits. */
export interface CodeEntropyInputs {
  /** Logits of a vector, the distance from one vector to the next. */
  readonly stride: number;
  /** Which of them are bits of the codes: from the first to the one behind the last. */
  readonly bits: readonly [from: number, to: number];
  /** Each vector's share of the means, `[N]`; they add up to 1, or are all 0. */
  readonly shares: Float32Array;
  /** Smallest probability in a logarithm. */
  readonly floor: number;
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
}

/** Entropies in nats, and their gradients. */
export interface CodeEntropy {
  perSample: number;
  batch: number;
  /** Gradients by the logits, `[N, stride]`; zeros where they are no bits of the codes. */
  byPerSample: Float32Array<ArrayBuffer>;
  byBatch: Float32Array<ArrayBuffer>;
}

/** Entries of a half's tables that are held at a time: 2 MB each. */
const MOST_ENTRIES = 2 ** 19;
/** In place of `-log 0`: larger than any surprise, and its product with 0 is 0. */
const NO_FLOOR = 1e300;

/**
 * Entropies of codes of up to 22 bits that are 1 with probability `sigmoid(logit)`, with a floor
 * under the probabilities in the logarithms, and their gradients: the meaning of `codeEntropies`,
 * in O(N 2^(d/2)) steps and, for the batch, three matrix products of halves.
 *
 * @param logits `[N, stride]`
 */
export async function binaryCodeEntropy(
  logits: Float32Array,
  { stride, bits, shares, floor, pool = defaultPool() }: CodeEntropyInputs,
): Promise<CodeEntropy> {
  const rows = shares.length;
  const count = bits[1] - bits[0];
  const high = Math.ceil(count / 2);
  const low = count - high;
  const [n1, n2] = [2 ** high, 2 ** low];
  const [wide1, wide2] = [Math.max(8, n1), Math.max(8, n2)]; // as panels of 8 hold them
  const wide = Math.max(wide1, wide2);
  const held = Math.min(rows, MOST_ENTRIES / wide);
  const { memory } = pool;

  return pool.exclusive(async (scope) => {
    const kernels = await pool.load(entropyKernels, pool.form);
    const x = scope.copyOf(logits);
    const by = scope.zeros(4 * logits.length);
    const share = scope.copyOf(shares);
    const values = scope.allocate(8 * held);
    const first = scope.allocate(4 * held * wide1);
    const second = scope.allocate(4 * held * wide2);
    const mean = scope.zeros(4 * wide1 * wide2);
    const at = (base: number, row: number) => base + 4 * (row * stride + bits[0]);

    let perSample = 0;
    for (let row = 0; row < rows; row += held) {
      const taken = Math.min(held, rows - row);
      const own = [at(x, row), 4 * stride, high, low, floor > 0 ? -Math.log(floor) : NO_FLOOR];
      await pool.run(kernels.surprises, {
        rows: taken,
        chunkRows: Math.max(1, Math.floor(8192 / wide)),
        work: 100 * taken * wide,
        scratch: 80 * wide + 32,
        args: [taken, ...own, share + 4 * row, values, at(by, row), first, second],
      });
      const found = memory.f64(values, taken);
      for (let n = 0; n < taken; n++) perSample += (shares[row + n] as number) * found[n]!;
      await pool.run(kernels.addProducts, {
        rows: wide1 / 4,
        chunkRows: Math.max(1, wide1 / 128),
        work: 2 * taken * wide1 * wide2,
        args: [taken, low, first, second, mean],
      });
    }
    const byPerSample = memory.f32(by, logits.length).slice();

    const total = shares.reduce((sum, own) => sum + own, 0);
    const { entropy, byMean } = entropyOf(memory.f32(mean, wide1 * wide2), total, floor);
    const byFirst = mean; // which is not needed any more
    const bySecond = scope.allocate(4 * wide2 * n1);
    panels(memory.f32(byFirst, wide1 * n2), byMean, wide1, n2, wide2, 1);
    panels(memory.f32(bySecond, wide2 * n1), byMean, wide2, n1, 1, wide2);
    const chunkRows = Math.max(32, 2048 / wide);
    await pool.run(kernels.throughMean, {
      rows,
      chunkRows,
      work: 4 * rows * wide1 * wide2,
      scratch: (8 + 12 * chunkRows) * wide,
      args: [at(x, 0), 4 * stride, high, low, share, byFirst, bySecond, at(by, 0)],
    });
    const byBatch = memory.f32(by, logits.length).slice();
    return { perSample, batch: entropy, byPerSample, byBatch };
  });
}

/**
 * `sum -q log max(q, floor)` of a distribution, scaled so that it adds up to `total`: the error of
 * adding many small numbers is mostly a common factor. With its gradient by `q`.
 */
function entropyOf(mean: Float32Array, total: number, floor: number) {
  const scale =
    total /
    Math.max(
      mean.reduce((sum, q) => sum + q, 0),
      1e-30,
    );
  const least = Math.max(floor, 1e-37);
  const byMean = new Float32Array(mean.length);
  let entropy = 0;
  for (let k = 0; k < mean.length; k++) {
    const q = (mean[k] as number) * scale;
    const log = Math.log(Math.max(q, least));
    entropy -= q * log;
    byMean[k] = -log - (q >= least ? 1 : 0);
  }
  return { entropy, byMean };
}

/** Lays a table out in panels of 8 columns, `[columns / 8, rows, 8]`, from its strides. */
function panels(
  to: Float32Array,
  table: Float32Array,
  columns: number,
  rows: number,
  ofColumn: number,
  ofRow: number,
): void {
  let at = 0;
  for (let column = 0; column < columns; column += 8) {
    for (let row = 0; row < rows; row++) {
      const from = column * ofColumn + row * ofRow;
      for (let lane = 0; lane < 8; lane++) to[at++] = table[from + lane * ofColumn] as number;
    }
  }
}
