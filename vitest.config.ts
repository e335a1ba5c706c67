import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Tests import the package by its public names and get the sources, not a build. */
const source = (path: string) =>
  fileURLToPath(new URL(`./packages/vector-quantize/src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^vector-quantize$/, replacement: source("index.node.ts") },
      { find: /^vector-quantize\/node$/, replacement: source("node.ts") },
      { find: /^vector-quantize\/safetensors$/, replacement: source("checkpoint/safetensors.ts") },
      { find: /^vector-quantize\/torch$/, replacement: source("torch/index.ts") },
      { find: /^vector-quantize\/kernels$/, replacement: source("kernels/index.ts") },
    ],
  },
  // `using` and other syntax that Node 20 lacks is lowered, as tsc does for the build.
  oxc: { target: "es2022" },
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts"],
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    globalSetup: ["./test/support/build.ts"],
    setupFiles: ["./test/support/setup.ts"],
    reporters: ["default", "./test/support/summaryReporter.ts"],
  },
});
