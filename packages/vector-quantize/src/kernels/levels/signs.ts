import { checkChoice, checkInteger, checkNumber, expected } from "../../errors.ts";
import { checkFloats, checkKernelOptions } from "../arguments.ts";
import { levelsKernels } from "../engine/binaries/levels.ts";
import { defaultPool } from "../engine/createPool.ts";
import { supports } from "../engine/kernelModule.ts";
import { runInParts } from "../engine/parts.ts";
import type { Pool } from "../engine/pool.ts";
import {
  checkInvalid,
  checkLevelIndices,
  type EncodedLevels,
  type EncodeLevelsOptions,
  type WideIndices,
} from "./encodeLevels.ts";
import { decodeSignsReference, encodeSignsReference } from "./signs.reference.ts";

const MOST_BITS = 63;

/**
 * Sign bits of vectors as indices, as in lookup-free and binary spherical quantization: bit
 * `D - 1 - d` is 1 where `x[d] > 0`, so the first dimension is the most significant bit.
 *
 * Language Model Beats Diffusion: Tokenizer is Key to Visual Generation (2023),
 * https://arxiv.org/abs/2310.05737
 *
 * @param vectors `[N, D]`
 * @param options `dim`: D, at most 63
 * @returns `indices` `[N]`: Int32Array up to 31 bits, else BigInt64Array
 * @throws if D is above 63, the length is not a multiple of D, or a vector is not finite
 */
export async function encodeSigns(
  vectors: Float32Array,
  options: EncodeLevelsOptions & { readonly dim: number },
): Promise<EncodedLevels> {
  checkKernelOptions("encodeSigns", options, ["dim", "invalid", "pool"]);
  checkFloats("encodeSigns: vectors", vectors);
  const { dim, invalid = "throw" } = options;
  checkChoice("encodeSigns: invalid", invalid, ["throw", "mark"]);
  checkBits("encodeSigns", dim);
  if (vectors.length % dim !== 0) {
    throw expected("encodeSigns: vectors", `a multiple of ${dim} numbers`, vectors.length);
  }
  const rows = vectors.length / dim;
  if (!supports("plain")) {
    return checkInvalid("encodeSigns", vectors, dim, encodeSignsReference(vectors, dim), invalid);
  }
  const pool = options.pool ?? defaultPool();
  const indices = dim > 31 ? new BigInt64Array(rows) : new Int32Array(rows);
  return pool.exclusive(async (scope) => {
    const kernels = await pool.load(levelsKernels, pool.form);
    const outside = { rows, from: vectors, to: [indices] };
    const invalidRows = await runInParts(pool, scope, kernels.encodeSigns, outside, (n, x, to) => ({
      chunkRows: Math.ceil(2 ** 15 / dim),
      work: 8 * n * dim,
      args: [x, dim, to],
    }));
    return checkInvalid("encodeSigns", vectors, dim, { indices, invalidRows }, invalid);
  });
}

/**
 * Vectors of `scale` and `-scale` from sign bits; zeros for index -1.
 *
 * @param indices `[N]`, as `encodeSigns` gives them
 * @param options `dim`: D, at most 63; `scale`: size of every value, default 1 (`1 / sqrt(D)` puts
 *   the codes on the unit sphere)
 * @returns float32 `[N, D]`
 * @throws if an index is below -1 or not below 2^D
 */
export async function decodeSigns(
  indices: WideIndices,
  options: { readonly dim: number; readonly scale?: number; readonly pool?: Pool },
): Promise<Float32Array<ArrayBuffer>> {
  checkKernelOptions("decodeSigns", options, ["dim", "scale", "pool"]);
  const { dim, scale = 1 } = options;
  checkBits("decodeSigns", dim);
  checkNumber("decodeSigns: scale", scale);
  const wide = dim > 31;
  if (!(indices instanceof (wide ? BigInt64Array : Int32Array))) {
    throw expected("decodeSigns: indices", wide ? "a BigInt64Array" : "an Int32Array", indices);
  }
  const size = 2n ** BigInt(dim);
  if (!supports("plain")) {
    checkLevelIndices("decodeSigns", indices, size);
    return decodeSignsReference(indices, dim, scale);
  }
  const pool = options.pool ?? defaultPool();
  const rows = indices.length;
  const out = new Float32Array(rows * dim);
  return pool.exclusive(async (scope) => {
    const kernels = await pool.load(levelsKernels, pool.form);
    const outside = { rows, from: indices, to: [out] };
    const bad = await runInParts(pool, scope, kernels.decodeSigns, outside, (n, at, to) => ({
      chunkRows: Math.ceil(2 ** 15 / dim),
      work: 8 * n * dim,
      args: [at, dim, scale, to],
    }));
    if (bad > 0) checkLevelIndices("decodeSigns", indices, size);
    return out;
  });
}

function checkBits(where: string, dim: number): void {
  checkInteger(`${where}: dim`, dim);
  if (dim > MOST_BITS) {
    throw expected(
      `${where}: dim`,
      `at most ${MOST_BITS}`,
      dim,
      "Split the dimensions into several codebooks",
    );
  }
}
