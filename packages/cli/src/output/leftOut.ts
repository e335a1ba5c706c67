import type { Console } from "./console.ts";
import { grouped } from "./words.ts";

/** Names of files that are told. */
const mostNamed = 5;

/** Names files that are left out. */
export function tellLeftOut(console: Console, why: string, files: readonly string[]): void {
  if (files.length === 0) return;
  const more = files.length - mostNamed;
  const named = files.slice(0, mostNamed).join("; ") + (more > 0 ? `; and ${more} more` : "");
  console.note(
    `Left out ${files.length === 1 ? "a file" : `${grouped(files.length)} files`}, ${why}: ${named}`,
  );
  console.record("skipped", { why, files });
}
