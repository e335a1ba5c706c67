import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const packageRoot = new URL("./packages/vector-quantize/", import.meta.url);
const { exports } = JSON.parse(readFileSync(new URL("package.json", packageRoot), "utf8")) as {
  exports: Record<string, { node?: string; default: string }>;
};

/** Tests import the package by its public names and get the sources, not a build. */
const alias = Object.entries(exports).map(([entrance, { node, default: other }]) => {
  const source = (node ?? other).replace("./dist/", "src/").replace(/\.js$/, ".ts");
  return {
    find: new RegExp(`^vector-quantize${entrance.slice(1)}$`),
    replacement: fileURLToPath(new URL(source, packageRoot)),
  };
});

for (const beside of ["onnx", "mpi"]) {
  alias.push({
    find: new RegExp(`^vector-quantize-${beside}$`),
    replacement: fileURLToPath(new URL(`./packages/${beside}/src/index.ts`, import.meta.url)),
  });
}

/** Where files are that take long, by parts of their paths. */
const long = ["/test/", "/cli/src/", "contract.test.ts", "lookupFree", "kernelStep", "Filtered"];

/** Files that take long come first: one that came last would run alone, beside idle cores. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) =>
      long.some((part) => moduleId.includes(part));
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/**
 * Files that share processes, and what these have loaded and compiled. What looks at a process's threads doesn't,
 * nor what puts another module in one's place (of `cli/src/input`).
 */
const sharing = [
  "packages/vector-quantize/src/*.test.ts",
  "packages/vector-quantize/src/!(runtime)/**/*.test.ts",
  "packages/onnx/src/**/*.test.ts",
  "packages/cli/src/!(input)/**/*.test.ts",
  "packages/cli/src/*.test.ts",
  "test/parity/**/*.test.ts",
];

export default defineConfig({
  resolve: { alias },
  // `using` and other syntax that Node 20 lacks is lowered, as tsc does for the build.
  oxc: { target: "es2022" },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "own",
          include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: sharing,
        },
      },
      {
        extends: true,
        test: { name: "shared", include: sharing, isolate: false },
      },
    ],
    pool: "forks",
    // Graphs leave many short-lived objects: a larger young generation is collected less often.
    execArgv: ["--max-semi-space-size=64"],
    maxWorkers: "100%",
    sequence: { sequencer: LongFirst },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    globalSetup: ["./test/support/build.ts"],
    setupFiles: ["./test/support/setup.ts"],
    reporters: ["default", "./test/support/summaryReporter.ts"],
  },
});
