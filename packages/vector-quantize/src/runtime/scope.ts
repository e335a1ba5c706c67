/**
 * Evaluates a worker's source in a function scope with its own `self`, and returns what hands it a
 * message. Its answers go to `answer`.
 *
 * The text of this function is also run in threads: it must use nothing from outside itself.
 */
export function openScope(
  source: string,
  answer: (message: unknown, transfer?: readonly never[]) => void,
): (data: unknown) => void {
  const self = Object.assign(Object.create(globalThis), { postMessage: answer, onmessage: null });
  self.self = self;
  new Function("self", "postMessage", `"use strict";${source}`)(self, answer);
  return (data) => self.onmessage?.({ data });
}
