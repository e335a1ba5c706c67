import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./paths.ts";

/** README's first program. */
export function firstProgram(): string {
  const [, program] = /```ts\n(.*?)```/s.exec(readFileSync(join(root, "README.md"), "utf8")) ?? [];
  if (program === undefined) throw new Error("README.md has no program");
  return program;
}
