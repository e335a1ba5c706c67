import koffi from "koffi";

/** A native library by its name; undefined if it isn't there. Null is this program itself. */
export function nativeLibrary(name: string | null): NativeLibrary | undefined {
  try {
    return koffi.load(name, { global: true }); // Open MPI's plugins look for its symbols
  } catch {
    return undefined;
  }
}

/** Where the numbers of an array lie, for other threads: it stays there as long as somebody has the array. */
export function addressOf(array: ArrayBufferView): bigint {
  return koffi.address(array);
}

export type NativeLibrary = ReturnType<typeof koffi.load>;
