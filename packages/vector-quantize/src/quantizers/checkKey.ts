import { VectorQuantizeError } from "../errors.ts";

/** Throws unless a key was given where something, `what`, draws at random. */
export function checkKey(where: string, key: unknown, what: string | false | undefined): void {
  if (key || !what) return;
  throw new VectorQuantizeError(
    `${where}: expected options.key, got none; ${what} draws at random`,
  );
}
