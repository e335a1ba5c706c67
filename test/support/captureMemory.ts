/** Keeps hold of jax-js's memory. For its side effect, before `@jax-js/jax` is imported. */
let memory: WebAssembly.Memory | undefined;

const { Memory } = WebAssembly;
WebAssembly.Memory = class extends Memory {
  constructor(descriptor: WebAssembly.MemoryDescriptor) {
    super(descriptor);
    memory = this;
    WebAssembly.Memory = Memory; // jax-js's is the first
  }
};

/** Bytes that jax-js has taken for its arrays: whole pages of 64 KiB, and they are never given back. */
export function jaxMemoryBytes(): number {
  if (memory === undefined) throw new Error("jax-js was imported before captureMemory.ts");
  return memory.buffer.byteLength;
}
