import * as code from "../kernels/engine/binaries/coder.wasm.ts";
import { compileNow } from "../kernels/engine/kernelModule.ts";
import { lastBytes, withoutZeros } from "./bitCoder.ts";
import { type LayerOfCodes, tablesOf } from "./codeLayer.ts";
import { bitsBelow } from "./fixedPacking.ts";
import { positionsOf } from "./layers.ts";
import { squash } from "./logistic.ts";
import { ageOf, ages, depths, rates, stretchOf } from "./mixer.ts";

/*
 * Layers without a prior by a Wasm kernel: the bytes of `codeLayer` in less than half the time. Where there is
 * no WebAssembly, or a page forbids it, nothing is found here, and `codeLayer` does the work.
 */

/** What assembly/coder.ts exports. */
interface Exports {
  begin(
    tables: number,
    weights: number,
    slots: number,
    log2Slots: number,
    contexts: number,
    input: number,
    inputEnd: number,
    decodes: number,
  ): void;
  codeGrid(
    codes: number,
    from: number,
    to: number,
    width: number,
    height: number,
    above: number,
    second: number,
    digits: number,
    count: number,
  ): void;
  writeTo(output: number): void;
  reached(): number;
  lowest(): number;
  highest(): number;
}

interface Kernel {
  readonly memory: WebAssembly.Memory;
  readonly run: Exports;
}

/** Larger layers are left to `codeLayer`, so that the kernel's memory is bounded. */
const mostCodes = 2 ** 22;
/** A memory of more bytes is not kept. */
const mostKept = 2 ** 26;
const pageBytes = 65536;
/** All that a Wasm module can address, as the module says. */
const mostPages = 65536;
/** Positions that an encoder codes at once, and the bytes that these take at most: 60 bits each, of 4 bytes. */
const atOnce = 2048;
const outputBytes = atOnce * 256;

// Where things lie; the rest follows the slots.
const tablesAt = 1024;
const digitsAt = 20480;
const weightsAt = 24576;
const outputAt = 32768;
const slotsAt = outputAt + outputBytes;

/** Kept between calls; null where there can be none. */
let kept: Kernel | null | undefined;

function makeKernel(): Kernel | null {
  try {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: mostPages });
    const instance = new WebAssembly.Instance(compileNow(code), { env: { memory } });
    return { memory, run: instance.exports as unknown as Exports };
  } catch {
    return null;
  }
}

/** The kernel, with so much memory and its tables in it. */
function kernelWith(bytes: number): Kernel | undefined {
  kept ??= makeKernel();
  if (kept === null) return undefined;
  const { memory } = kept;
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) {
    try {
      memory.grow(Math.ceil(missing / pageBytes));
    } catch {
      kept = undefined;
      return undefined;
    }
  }
  new Int16Array(memory.buffer, tablesAt).set(stretchOf);
  new Uint16Array(memory.buffer, tablesAt + 8192).set(squash);
  new Uint16Array(memory.buffer, tablesAt + 16384).set(rates);
  new Uint8Array(memory.buffer, tablesAt + 16512).set(ageOf);
  return kept;
}

/**
 * Codes a layer on the kernel.
 *
 * @param input bytes to decode; else its codes are encoded
 * @returns the bytes that were written, and how many were read; undefined if there is no kernel for it
 */
function codeOnKernel(
  layer: LayerOfCodes,
  input?: Uint8Array,
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly read: number } | undefined {
  const { grids, codes, digits, earlier, primed } = layer;
  if (primed || codes.length > mostCodes) return undefined;
  const { contexts, log2Slots } = tablesOf(layer);
  const slots = contexts << log2Slots;
  const codesAt = slotsAt + slots * 4;
  const placeOf = (i: number) => codesAt + codes.length * 4 * i;
  const inputAt = placeOf(1 + earlier.length);
  const kernel = kernelWith(inputAt + (input?.length ?? 0));
  if (!kernel) return undefined;
  const { buffer } = kernel.memory;
  const { run } = kernel;
  new Int32Array(buffer, slotsAt, slots).fill(0);
  const weights = depths * contexts * ages;
  new Int32Array(buffer, weightsAt, weights).fill(Math.floor(65536 / contexts));
  new Int32Array(buffer, digitsAt).set(digits.flatMap((radix) => [radix, bitsBelow(radix)]));
  const own = new Int32Array(buffer, codesAt, codes.length);
  own.set(codes);
  for (const [i, symbols] of earlier.entries()) {
    new Int32Array(buffer, placeOf(1 + i), codes.length).set(symbols.subarray(0, codes.length));
  }
  if (input) new Uint8Array(buffer, inputAt).set(input);
  const end = inputAt + (input?.length ?? 0);
  run.begin(tablesAt, weightsAt, slotsAt, log2Slots, contexts, inputAt, end, input ? 1 : 0);
  const parts: Uint8Array[] = [];
  let first = 0;
  for (const grid of grids) {
    const count = positionsOf(grid);
    const height = grid.length < 2 ? 0 : grid.at(-2)!;
    const at = (i: number) => (i <= earlier.length ? placeOf(i) + first * 4 : 0);
    for (let from = 0; from < count; from += atOnce) {
      if (!input) run.writeTo(outputAt);
      const to = Math.min(from + atOnce, count);
      run.codeGrid(
        at(0),
        from,
        to,
        grid.at(-1) ?? 1,
        height,
        at(1),
        at(2),
        digitsAt,
        digits.length,
      );
      if (!input) parts.push(new Uint8Array(buffer, outputAt, run.reached() - outputAt).slice());
    }
    first += count;
  }
  if (input) codes.set(own);
  if (buffer.byteLength > mostKept) kept = undefined;
  const last = input ? [] : lastBytes(run.lowest(), run.highest());
  return { bytes: joined([...parts, Uint8Array.from(last)]), read: run.reached() - inputAt };
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The bytes of a layer, as `codeLayer` gives them to a `BitEncoder`. */
export function encodeOnKernel(layer: LayerOfCodes): Uint8Array<ArrayBuffer> | undefined {
  const coded = codeOnKernel(layer);
  return coded && withoutZeros(coded.bytes);
}

/** Fills in the codes of a layer; tells whether all bytes were looked at. */
export function decodeOnKernel(
  layer: LayerOfCodes,
  bytes: Uint8Array,
): { readonly exhausted: boolean } | undefined {
  const coded = codeOnKernel(layer, bytes);
  return coded && { exhausted: coded.read >= bytes.length };
}
