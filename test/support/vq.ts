import { type ChildProcess, fork, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

const main = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running `vq`: its process, and what it comes to. */
export type Running = Promise<Outcome> & { readonly child: ChildProcess };

/**
 * Runs the built `vq` in a process of its own, as people do. `watch` is called with the process and its output.
 */
export function startVq(
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

/** What `vq` runs in that needs no process of its own: it has loaded all, and compiled most, after a few. */
let warm: ChildProcess | undefined;
let before: Promise<unknown> = Promise.resolve();

/**
 * Runs the built `vq`, after all commands before it and in one process with them: a command of a second takes a
 * tenth of one. What needs its own, for a signal, another number of threads or a closed pipe, is `startVq`'s.
 */
export function runVq(args: readonly string[]): Promise<Outcome> {
  const own = before.then(() => {
    warm ??= fork(new URL("./vqProcess.mjs", import.meta.url), { stdio: "inherit" });
    const child = warm;
    return new Promise<Outcome>((resolve, reject) => {
      const ended = (code: number | null) => {
        warm = undefined;
        reject(new Error(`vq ${args.join(" ")}: its process ended with ${code}`));
      };
      child.once("exit", ended);
      child.once("message", (outcome) => {
        child.off("exit", ended);
        resolve(outcome as Outcome);
      });
      child.send(args);
    });
  });
  before = own.catch(() => {});
  return own;
}

/** Ends the process of `runVq`. It has to end by itself: nothing that a command leaves behind may hold it. */
export async function endVq(): Promise<void> {
  if (warm === undefined) return;
  const child = warm;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.disconnect();
  warm = undefined;
  expect(await ended).toBe(0);
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
