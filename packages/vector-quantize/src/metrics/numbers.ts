import { expected } from "../errors.ts";

/** Throws unless `values` are numbers on the host: a list or a typed array. */
export function checkNumbers(where: string, values: unknown): void {
  const length = (values as ArrayLike<number> | null | undefined)?.length;
  if (typeof values === "object" && Number.isInteger(length)) return;
  const mend =
    typeof values === "object" && values !== null && "data" in values
      ? "Read the array: await array.data()"
      : undefined;
  throw expected(where, "a list of numbers or a typed array", values, mend);
}
