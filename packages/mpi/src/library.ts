import { launched } from "./launch.ts";
import { type NativeLibrary, nativeLibrary } from "./native.ts";

/** A handle of MPI's: a pointer of Open MPI, an integer of MPICH. */
export type Handle = bigint | number;

/** A function of the library. */
export type MpiCall = (...args: unknown[]) => number;

/** An MPI library, and what its header says. */
export interface MpiLibrary {
  readonly name: string;
  /** A function by its name; `H` among its parameters stands for a handle. */
  call(name: string, parameters: readonly string[]): MpiCall;
  readonly world: Handle;
  readonly types: Readonly<
    Record<"Float32Array" | "Float64Array" | "Int32Array" | "Uint8Array", Handle>
  >;
  readonly sum: Handle;
  readonly errorsReturn: Handle;
  readonly inPlace: bigint;
  readonly ignoreStatus: bigint;
  /** Room for a handle that a function gives out, and the handle in it. */
  handleRoom(): { readonly room: BigInt64Array | Int32Array; read(): Handle };
}

/** Names of the libraries, those of one family behind one another; all have the interface of their family. */
const names = {
  "Open MPI": ["libmpi.so.40", "libmpi.40.dylib"],
  MPICH: ["libmpich.so.12", "libmpi.so.12", "libmpi.12.dylib"],
} as const;

const mend =
  "Install one: apt-get install openmpi-bin (or mpich), dnf install openmpi, brew install open-mpi; of a " +
  "cluster, load its module";

/**
 * Loads the MPI library that this process was started by, or else any.
 *
 * @throws Error with a line that installs one, if there is none
 */
export function loadLibrary(): MpiLibrary {
  const first = launched()?.family ?? "Open MPI";
  const order =
    first === "MPICH" ? [...names.MPICH, ...names["Open MPI"]] : Object.values(names).flat();
  for (const name of order) {
    const library = nativeLibrary(name);
    if (library) return interfaceOf(library);
  }
  throw new Error(`mpiGroup: expected an MPI library, got none of ${order.join(", ")}. ${mend}`);
}

function interfaceOf(library: NativeLibrary): MpiLibrary {
  const words = new Uint8Array(8192);
  const length = new Int32Array(1);
  library.func("MPI_Get_library_version", "int", ["void *", "void *"])(words, length);
  const name = new TextDecoder().decode(words.subarray(0, length[0])).split("\n")[0] as string;
  if (/Open MPI/i.test(name)) return openMpi(library, name);
  if (/MPICH|MVAPICH|Intel/i.test(name)) return mpich(library, name);
  throw new Error(`mpiGroup: expected Open MPI or MPICH, got ${name}. ${mend}`);
}

const callOf =
  (library: NativeLibrary, handle: string) => (name: string, parameters: readonly string[]) =>
    library.func(
      name,
      "int",
      parameters.map((parameter) => (parameter === "H" ? handle : parameter)),
    ) as unknown as MpiCall;

/** Handles are addresses of the library's variables. */
function openMpi(library: NativeLibrary, name: string): MpiLibrary {
  const at = (symbol: string) => library.symbol(`ompi_mpi_${symbol}`) as unknown as bigint;
  return {
    name,
    call: callOf(library, "void *"),
    world: at("comm_world"),
    types: {
      Float32Array: at("float"),
      Float64Array: at("double"),
      Int32Array: at("int32_t"),
      Uint8Array: at("byte"),
    },
    sum: at("op_sum"),
    errorsReturn: at("errors_return"),
    inPlace: 1n,
    ignoreStatus: 0n,
    handleRoom() {
      const room = new BigInt64Array(1);
      return { room, read: () => room[0] as bigint };
    },
  };
}

/** Handles are integers, the same in all libraries of the MPICH ABI. */
function mpich(library: NativeLibrary, name: string): MpiLibrary {
  return {
    name,
    call: callOf(library, "int"),
    world: 0x44000000,
    types: {
      Float32Array: 0x4c00040a,
      Float64Array: 0x4c00080b,
      Int32Array: 0x4c000405,
      Uint8Array: 0x4c00010d,
    },
    sum: 0x58000003,
    errorsReturn: 0x54000001,
    inPlace: 0xffffffffffffffffn,
    ignoreStatus: 1n,
    handleRoom() {
      const room = new Int32Array(1);
      return { room, read: () => room[0] as number };
    },
  };
}
