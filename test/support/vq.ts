import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const built = new URL("../../packages/cli/dist/", import.meta.url);
const main = fileURLToPath(new URL("main.js", built));

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

/**
 * Runs commands of the built `vq` one after another in one process, which loads all but once. It has to end by
 * itself after the last one, and to say nothing beside them.
 */
export async function runVqInOneProcess(
  commands: readonly (readonly string[])[],
): Promise<Outcome[]> {
  const program = `
    import { run } from ${JSON.stringify(new URL("program.js", built))};
    const { stdout, stderr } = process;
    const outcomes = [];
    for (const args of JSON.parse(process.argv[1])) {
      const outcome = { code: null, stdout: "", stderr: "" };
      stdout.write = (text) => ((outcome.stdout += text), true);
      stderr.write = (text) => ((outcome.stderr += text), true);
      outcome.code = await run(args);
      outcomes.push(outcome);
    }
    delete stdout.write;
    delete stderr.write;
    stdout.write(JSON.stringify(outcomes));
  `;
  const args = ["--input-type=module", "--eval", program, JSON.stringify(commands)];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    timeout: 100_000,
  });
  if (stderr !== "") throw new Error(`beside its commands, vq said: ${stderr}`);
  return JSON.parse(stdout);
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
