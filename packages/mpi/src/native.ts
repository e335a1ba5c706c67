import koffi from "koffi";

// Before anything is loaded: the default of 128 KiB is too little for collective calls of MPICH on koffi's threads.
koffi.config({ async_stack_size: 2 ** 20 });

/** A native library by its name; undefined if it isn't there. Null is this program itself. */
export function nativeLibrary(name: string | null): NativeLibrary | undefined {
  try {
    return koffi.load(name, { global: true }); // Open MPI's plugins look for its symbols
  } catch {
    return undefined;
  }
}

export type NativeLibrary = ReturnType<typeof koffi.load>;
