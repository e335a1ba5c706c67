/**
 * Characters that a terminal obeys in place of showing them: controls (escapes among them), line
 * separators, and marks that turn the direction of writing.
 */
const obeyed = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * `text` as one line that shows what it is: `\u001b` for an escape that a file's name brought along.
 *
 * JSON stays the same JSON: there these characters stand in strings alone.
 */
export function clean(text: string): string {
  return text.replace(obeyed, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
