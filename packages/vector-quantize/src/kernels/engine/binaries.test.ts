import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const { binaries, filesOf, generate, moduleNames } = (await import(
  new URL("../../../scripts/buildKernels.mjs", import.meta.url).href
)) as {
  binaries: string;
  filesOf(name: string): string[];
  generate(name: string): Promise<Record<string, string>>;
  moduleNames(): string[];
};

// A failure means: run `npm run build:kernels` and commit what it writes.
test.for(moduleNames())(
  "the binaries of %s are those of its sources",
  { timeout: 120_000 },
  async (name) => {
    const files = await generate(name);
    expect(filesOf(name)).toEqual(Object.keys(files).sort());
    for (const [file, text] of Object.entries(files)) {
      expect(readFileSync(join(binaries, file), "utf8") === text, file).toBe(true);
    }
  },
);

test("no other binaries are there", () => {
  expect(readdirSync(binaries).sort()).toEqual(moduleNames().flatMap(filesOf).sort());
});
