import { VectorQuantizeError } from "vector-quantize";

/** `where: expected ..., got ...`, as all errors of the library. */
export function expectedOf(where: string, what: string, got: unknown, mend?: string) {
  const end = mend === undefined ? "" : `. ${mend}`;
  return new VectorQuantizeError(`${where}: expected ${what}, got ${shown(got)}${end}`);
}

function shown(value: unknown): string {
  if (typeof value === "function") return `function ${value.name || "(anonymous)"}`;
  if (Array.isArray(value) && value.length <= 16) return `[${value.map(shown).join(", ")}]`;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object" || value === null) return String(value);
  return value.constructor?.name ?? "object";
}
