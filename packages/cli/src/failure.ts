/** Something that the user can mend: shown as one line, without a stack trace. */
export class Failure extends Error {
  override readonly name = "Failure";
}

/** The command line itself is wrong: exit code 2. */
export class UsageFailure extends Failure {}

/** Ctrl-C or SIGTERM was answered, and all is saved. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** Exit code after Ctrl-C or SIGTERM: 128 + 2, as shells have it. */
export const interruptedCode = 130;

/** One line for `error`, and the exit code that goes with it. */
export function describeFailure(error: unknown): { line: string; code: number } {
  const code = error instanceof UsageFailure ? 2 : 1;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  // By name, so that `vq --help` need not load the library.
  const known = error instanceof Failure || name === "VectorQuantizeError";
  const text = known ? message : `unexpected ${name}: ${message} (VQ_DEBUG=1 shows where)`;
  return { line: `vq: ${oneLine(text)}`, code };
}

/** `text` without line breaks. */
export function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, " ");
}
