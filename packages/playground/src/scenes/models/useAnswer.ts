import { useEffect, useState } from "preact/hooks";
import type { Session } from "../../engine/session.ts";

/** What the worker last answered to a call, or why it did not. */
export interface Answer<Found, Argument> {
  readonly found: Found | undefined;
  readonly error: string;
  /** Asks; whether there was an answer. */
  ask(argument?: Argument): Promise<boolean>;
  fail(error: Error): void;
}

/** Asks the worker at once, and then whenever `ask` is called. */
export function useAnswer<Found, Argument = never>(
  session: Session,
  call: string,
): Answer<Found, Argument> {
  const [found, setFound] = useState<Found>();
  const [error, setError] = useState("");
  const fail = ({ message }: Error) => setError(message);
  const ask = async (argument?: Argument) => {
    try {
      setFound(await session.call<Found>(call, argument));
      setError("");
      return true;
    } catch (thrown) {
      fail(thrown as Error);
      return false;
    }
  };
  useEffect(() => {
    ask();
  }, [session]);
  return { found, error, ask, fail };
}
