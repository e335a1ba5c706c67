import { VectorQuantizeError } from "../../errors.ts";

const PAGE = 65536;
const ALIGNMENT = 128;
/** Kernels may read a little past the end of a region. */
const MARGIN = 16;
/** Bytes kept for the control block at the start of the memory. */
export const RESERVED = 4096;

/** Numbers as kernels read and write them. */
export type Numbers = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/**
 * The memory that all kernels of a pool work on, with an allocator for regions of it.
 *
 * Regions are 128-byte aligned and stay where they are until freed; the memory grows as needed, up
 * to 4 GB, and never shrinks (that is how WebAssembly works). A view is valid until the next
 * `allocate`, which may grow the memory: fetch views anew after it.
 */
export class KernelMemory {
  readonly memory: WebAssembly.Memory;
  /** That of `memory`, which engines take microseconds to tell. Another one once the memory has grown. */
  buffer: ArrayBufferLike;
  /** Free regions as [start, end], sorted, never adjacent. */
  #free: [number, number][];
  readonly #sizes = new Map<number, number>();

  constructor(shared: boolean) {
    this.memory = createMemory(shared);
    this.buffer = this.memory.buffer;
    this.#free = [[RESERVED, this.buffer.byteLength]];
  }

  /** Bytes in regions that are in use. */
  get used(): number {
    let sum = 0;
    for (const size of this.#sizes.values()) sum += size;
    return sum;
  }

  /** A region of at least `bytes`; its content is arbitrary. Throws if the memory is full. */
  allocate(bytes: number): number {
    const size = Math.ceil((bytes + MARGIN) / ALIGNMENT) * ALIGNMENT;
    let region = this.#free.find(([start, end]) => end - start >= size);
    if (region === undefined) {
      this.#grow(size);
      region = this.#free[this.#free.length - 1] as [number, number];
    }
    const start = region[0];
    region[0] += size;
    if (region[0] === region[1]) this.#free = this.#free.filter((other) => other !== region);
    this.#sizes.set(start, size);
    return start;
  }

  /** Gives a region back. */
  free(start: number): void {
    const size = this.#sizes.get(start);
    if (size === undefined) throw new Error(`kernel memory: no region starts at ${start}`);
    this.#sizes.delete(start);
    this.#release(start, start + size);
  }

  f32(start: number, length: number): Float32Array {
    return new Float32Array(this.buffer, start, length);
  }

  f64(start: number, length: number): Float64Array {
    return new Float64Array(this.buffer, start, length);
  }

  i32(start: number, length: number): Int32Array {
    return new Int32Array(this.buffer, start, length);
  }

  u8(start: number, length: number): Uint8Array {
    return new Uint8Array(this.buffer, start, length);
  }

  /** Copies numbers to `start`. */
  write(start: number, values: Numbers): void {
    viewLike(values, this.buffer, start).set(values as never);
  }

  /** Copies the numbers at `start` to `values`, as many as it holds. */
  read(start: number, values: Numbers): void {
    values.set(viewLike(values, this.buffer, start) as never);
  }

  /** Runs `task` with a scope that is given back when it ends, by an error too. */
  async lend<T>(task: (scope: Scope) => T | Promise<T>): Promise<T> {
    const scope = new Scope(this);
    try {
      return await task(scope);
    } finally {
      scope.free();
    }
  }

  /** Runs `task`, which makes something out of a scope and keeps it: given back on an error alone. */
  async hold<T>(task: (scope: Scope) => T | Promise<T>): Promise<T> {
    const scope = new Scope(this);
    try {
      return await task(scope);
    } catch (error) {
      scope.free();
      throw error;
    }
  }

  #grow(bytes: number): void {
    const before = this.buffer.byteLength;
    const last = this.#free[this.#free.length - 1];
    const atEnd = last !== undefined && last[1] === before ? before - last[0] : 0;
    const pages = Math.ceil((bytes - atEnd) / PAGE);
    try {
      this.memory.grow(pages);
      this.buffer = this.memory.buffer;
    } catch {
      throw new VectorQuantizeError(
        `kernel memory: expected room for ${bytes} bytes more, got ${before} bytes in use of at ` +
          "most 4 GB. Dispose of searches that are no longer needed, or give less at a time",
      );
    }
    this.#release(before, before + pages * PAGE);
  }

  #release(start: number, end: number): void {
    const regions = this.#free;
    let at = regions.findIndex(([other]) => other > start);
    if (at < 0) at = regions.length;
    const before = regions[at - 1];
    const after = regions[at];
    if (before !== undefined && before[1] === start) {
      before[1] = end;
      if (after !== undefined && after[0] === end) {
        before[1] = after[1];
        regions.splice(at, 1);
      }
    } else if (after !== undefined && after[0] === end) after[0] = start;
    else regions.splice(at, 0, [start, end]);
  }
}

/**
 * Regions of a pool's memory, and what else is held there, that are given back together.
 *
 * `KernelMemory.lend` and `hold`, and `Pool.exclusive`, make them, so that nothing stays taken after
 * an error.
 */
export class Scope {
  readonly #memory: KernelMemory;
  /** Regions by their starts, and what else is held. */
  readonly #parts: (number | { free(): void })[] = [];

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  /** A region of at least `bytes`; its content is arbitrary. Throws if the memory is full. */
  allocate(bytes: number): number {
    const start = this.#memory.allocate(bytes);
    this.#parts.push(start);
    return start;
  }

  /** A region of `bytes` zeros, whole words of them. */
  zeros(bytes: number): number {
    const start = this.allocate(bytes);
    this.#memory.i32(start, bytes / 4).fill(0);
    return start;
  }

  /** A region that holds these numbers. */
  copyOf(values: Numbers): number {
    const start = this.allocate(values.byteLength);
    this.#memory.write(start, values);
    return start;
  }

  /** Gives `part` back with the rest. */
  adopt<Part extends { free(): void }>(part: Part): Part {
    this.#parts.push(part);
    return part;
  }

  /** Gives all back, the last first. The scope is empty then, and can be used again. */
  free(): void {
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) {
      if (typeof part === "number") this.#memory.free(part);
      else part.free();
    }
  }
}

function viewLike(values: Numbers, buffer: ArrayBufferLike, start: number): Numbers {
  const View = values.constructor as new (...of: [ArrayBufferLike, number, number]) => Numbers;
  return new View(buffer, start, values.length);
}

/** 4 GB where the engine can reserve as much, else less. */
function createMemory(shared: boolean): WebAssembly.Memory {
  for (let maximum = 65536; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial: 16, maximum, shared });
    } catch (error) {
      if (maximum <= 1024) throw error;
    }
  }
}
