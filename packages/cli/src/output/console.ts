import { print } from "./print.ts";

/** How a command speaks: people on a terminal, people's logs, or programs. */
export interface Console {
  /** A finding: one line on stdout. Left out under --json. */
  say(line: string): void;
  /** A remark on the way: one line on stderr. Left out under --json. */
  note(line: string): void;
  /** A record for programs: one JSON line on stdout, under --json alone. */
  record(event: string, values: Readonly<Record<string, unknown>>): void;
  readonly json: boolean;
  /** Whether stderr is a terminal and lines may be drawn over. */
  readonly live: boolean;
}

export function createConsole(json: boolean): Console {
  return {
    json,
    live: !json && process.stderr.isTTY === true,
    say(line) {
      if (!json) print("stdout", line);
    },
    note(line) {
      if (!json) print("stderr", line);
    },
    record(event, values) {
      if (json) print("stdout", JSON.stringify({ event, ...values }));
    },
  };
}
