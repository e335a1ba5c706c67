import { spawnSync } from "node:child_process";
import type { TestProject } from "vitest/node";
import { root } from "./paths.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Exit status of the build. */
    buildStatus: number;
  }
}

/** Brings `dist/` up to date once per run, for the tests that start processes or browsers on it. */
export default function build(project: TestProject): void {
  const { status } = spawnSync("npm", ["run", "--silent", "build"], {
    cwd: root,
    stdio: "inherit",
  });
  project.provide("buildStatus", status ?? 1);
}
