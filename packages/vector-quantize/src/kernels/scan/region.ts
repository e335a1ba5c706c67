import type { KernelMemory } from "../engine/memory.ts";

/** A region of a pool's memory that grows and keeps what is in it. */
export class Region {
  readonly #memory: KernelMemory;
  #bytes = 0;
  start = 0;

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  /** Makes room for `bytes`, half as much again where it grew before. */
  reserve(bytes: number): void {
    if (bytes <= this.#bytes) return;
    const size = this.#bytes === 0 ? bytes : Math.max(bytes, Math.ceil(this.#bytes * 1.5));
    const start = this.#memory.allocate(size);
    if (this.#bytes > 0) {
      this.#memory.u8(start, this.#bytes).set(this.#memory.u8(this.start, this.#bytes));
      this.#memory.free(this.start);
    }
    this.start = start;
    this.#bytes = size;
  }

  free(): void {
    if (this.#bytes > 0) this.#memory.free(this.start);
    this.#bytes = 0;
  }
}
