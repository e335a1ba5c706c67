import { spawnSync } from "node:child_process";
import { root } from "./paths.ts";

/** Brings `dist/` up to date once per run, for the tests that start processes or browsers on it. */
export default function build(): void {
  const { status } = spawnSync("npm", ["run", "--silent", "build"], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) console.warn("The build has errors (above): tests that use it may fail.");
}
