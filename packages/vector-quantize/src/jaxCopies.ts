import { VectorQuantizeError } from "./errors.ts";
import { isArray } from "./tree.ts";

/**
 * Throws if `value` is an array of a second jax-js: of its CommonJS build, or of another version.
 *
 * Each copy has a memory of its own and takes the other's arrays for constants or plain records.
 */
export function checkJaxCopy(where: string, value: unknown): void {
  if (typeof value !== "object" || value === null || isArray(value)) return;
  if (!("aval" in value && "ref" in value && "dispose" in value)) return;
  throw new VectorQuantizeError(
    `${where}: expected an array of the jax-js that vector-quantize imports, got one of another copy. ` +
      "Load @jax-js/jax by `import`, not by `require`, and in one version: npm ls @jax-js/jax",
  );
}
