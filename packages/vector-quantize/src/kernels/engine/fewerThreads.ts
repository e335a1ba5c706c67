let told = false;

/** Says, once, that there are fewer threads than could be, and why. */
export function tellOfFewerThreads(reason: string): void {
  if (told) return;
  told = true;
  console.warn(`vector-quantize: on fewer threads, for workers could not be started: ${reason}`);
}
