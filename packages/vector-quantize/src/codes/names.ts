import { expected } from "../errors.ts";

const mostNameBytes = 4096;

/**
 * Throws unless a picture may be called so: a relative path that leads nowhere else, so that whoever
 * unpacks a file writes below the folder that was meant.
 */
export function checkName(where: string, name: unknown): asserts name is string {
  const wrong = (what: string) => expected(where, what, name);
  if (typeof name !== "string" || name === "") throw wrong("a name of at least one letter");
  if (new TextEncoder().encode(name).length > mostNameBytes) {
    throw wrong(`a name of at most ${mostNameBytes} bytes`);
  }
  for (const letter of name) {
    const code = letter.codePointAt(0)!;
    if (code < 32 || code === 127) throw wrong("a name without control characters");
    if (code >= 0xd800 && code < 0xe000) throw wrong("a name of whole characters");
  }
  const parts = name.split(/[\\/]/);
  if (parts[0] === "" || parts.includes("..")) throw wrong('a relative path without ".."');
}
