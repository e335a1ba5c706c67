import type { Platform } from "./platform.ts";

/** A compiled module of kernels. `npm run build:kernels` writes them. */
export interface KernelModule<Name extends string = string> {
  /** The exported functions. */
  readonly functions: readonly Name[];
  /** Uses relaxed SIMD: fused multiply-add where the CPU has it. */
  readonly relaxed: () => Promise<KernelCode>;
  /** Uses the SIMD that every engine has; gives the same bits everywhere. */
  readonly plain: () => Promise<KernelCode>;
}

/** A file with the code of a module, as base64. */
interface KernelCode {
  readonly default: string;
}

/** Which instructions a set of kernels uses. */
export type KernelForm = "relaxed" | "plain";

/** A module of one function that uses `f32x4.relaxed_nmadd`. */
const relaxedProbe = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0,
  32, 0, 32, 1, 32, 2, 253, 134, 2, 11,
];

/** A module of one function that uses `f32x4.splat`. */
const simdProbe = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 125, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 32, 0, 253,
  19, 11,
];

/** Whether this engine can run the kernels in `form`. */
export function supports(form: KernelForm): boolean {
  return (
    typeof WebAssembly === "object" &&
    WebAssembly.validate(new Uint8Array(form === "relaxed" ? relaxedProbe : simdProbe))
  );
}

/** Compiles a module for a memory that is shared or not. */
export async function compileModule(
  module: KernelModule,
  form: KernelForm,
  shared: boolean,
  platform: Platform,
): Promise<WebAssembly.Module> {
  const bytes = decode((await module[form]()).default);
  return platform.compile(shared ? bytes : withoutSharing(bytes));
}

/** Compiles a small module at once, for a memory that is not shared; browsers refuse larger ones so. */
export function compileNow({ default: code }: KernelCode): WebAssembly.Module {
  return new WebAssembly.Module(withoutSharing(decode(code)));
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

const IMPORT_SECTION = 2;
const MEMORY_IMPORT = 2;
const LIMITS_WITH_MAXIMUM = 1;
const LIMITS_SHARED = 3;

/**
 * The same module for a memory that is not shared: one flag in the import of `env.memory` differs.
 * The kernels use no atomic instructions, so nothing else depends on it.
 */
function withoutSharing(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let at = 8; // past the magic number and the version
  const unsigned = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const section = bytes[at++];
    const size = unsigned();
    if (section !== IMPORT_SECTION) {
      at += size;
      continue;
    }
    unsigned(); // the number of imports: the memory is the only one
    for (let names = 0; names < 2; names++) {
      const length = unsigned();
      at += length;
    }
    if (bytes[at++] !== MEMORY_IMPORT || bytes[at] !== LIMITS_SHARED) break;
    bytes[at] = LIMITS_WITH_MAXIMUM;
    return bytes;
  }
  throw new Error("a kernel module does not import a shared memory as its only import");
}
