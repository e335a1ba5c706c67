import type { KernelMemory } from "./memory.ts";

/** Where the fields of a class of the kernels lie: `binaries/headers.ts` has them. */
export interface HeaderLayout<Field extends string = string> {
  readonly bytes: number;
  readonly fields: Readonly<Record<Field, { readonly kind: FieldKind; readonly at: number }>>;
}

type FieldKind = "i32" | "i64" | "f32" | "f64";

/** An object of the kernels in a pool's memory, read and written by the names of its fields. */
export interface Header<Field extends string> {
  get(field: Field): number;
  set(values: { readonly [field in Field]?: number }): void;
}

/** The object of this layout at `start`. */
export function headerAt<Field extends string>(
  memory: KernelMemory,
  start: number,
  { fields }: HeaderLayout<Field>,
): Header<Field> {
  // The buffer anew each time: it changes when memory that is not shared grows.
  const view = () => new DataView(memory.buffer, start);
  return {
    get(field) {
      const { kind, at } = fields[field];
      if (kind === "f64") return view().getFloat64(at, true);
      if (kind === "f32") return view().getFloat32(at, true);
      return kind === "i32" ? view().getUint32(at, true) : Number(view().getBigInt64(at, true));
    },
    set(values) {
      const bytes = view();
      for (const field in values) {
        const value = values[field] as number;
        const { kind, at } = fields[field];
        if (kind === "f64") bytes.setFloat64(at, value, true);
        else if (kind === "f32") bytes.setFloat32(at, value, true);
        else if (kind === "i32") bytes.setInt32(at, value, true);
        else bytes.setBigInt64(at, BigInt(value), true);
      }
    },
  };
}
