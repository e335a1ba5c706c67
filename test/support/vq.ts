import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running `vq`: its process, and what it comes to. */
export type Running = Promise<Outcome> & { readonly child: ChildProcess };

/** Runs the built `vq` in a process of its own. `watch` is called with the process and its output. */
export function runVq(
  args: readonly string[],
  watch?: (child: ChildProcess, stdout: string) => void,
): Running {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
    watch?.(child, stdout);
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
  return Object.assign(outcome, { child });
}

/** A folder that is deleted when disposed. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "vq-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Names and contents of all that lies in a folder, to see whether anything changed. */
export function contentsOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true }).map(String).sort();
  return Object.fromEntries(
    names.map((name) => {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) return [name, "folder"];
      return [name, createHash("sha256").update(readFileSync(path)).digest("hex")];
    }),
  );
}
