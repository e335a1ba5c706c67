import { tree } from "@jax-js/jax";
import type { TrainingPass } from "./contract.ts";

/** Training passes that make up one: those that `run` noted are given back if it fails. */
export async function severalPasses<T>(
  run: (passes: TrainingPass[]) => Promise<T>,
): Promise<{ passes: TrainingPass[]; made: T }> {
  const passes: TrainingPass[] = [];
  try {
    return { passes, made: await run(passes) };
  } catch (error) {
    for (const { quantized, dispose } of passes) {
      tree.dispose(quantized as never);
      dispose();
    }
    throw error;
  }
}
