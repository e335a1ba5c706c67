import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const { generate, generatedPath, kernelNames } = (await import(
  new URL("../../../scripts/buildKernels.mjs", import.meta.url).href
)) as {
  generate(name: string): Promise<string>;
  generatedPath(name: string): string;
  kernelNames(): string[];
};

test.for(kernelNames())("the binary of %s is that of its source", async (name) => {
  // A failure means: run `npm run build:kernels` and commit what it writes.
  expect(readFileSync(generatedPath(name), "utf8") === (await generate(name))).toBe(true);
});
