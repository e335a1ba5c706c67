import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Moment, whenIn } from "./killedRuns.ts";
import { root } from "./paths.ts";

const there = (command: string) =>
  spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;

/** Launchers of MPI on this machine: Debian's names for both families, or whatever `mpirun` is. */
export const launchers: readonly string[] = (() => {
  const named = ["mpirun.openmpi", "mpirun.mpich"].filter(there);
  return named.length > 0 ? named : ["mpirun"].filter(there);
})();

/** What to say where there is none. */
export const without =
  "No mpirun here: the tests of many processes are skipped. apt-get install openmpi-bin brings one";

/** The command line that starts `size` processes, on few cores and by anybody. */
export function mpirun(launcher: string, size: number): string[] {
  const words = spawnSync(launcher, ["--version"], { encoding: "utf8" }).stdout;
  const open = ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none"];
  return [launcher, "-n", String(size), ...(/Open ?MPI|OpenRTE|prte/i.test(words) ? open : [])];
}

/** What processes together came to. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Seconds from a kill to the end. */
  readonly seconds: number;
}

/** Runs `vq` in several processes of the first launcher. Kills one of them at a moment, if it is told to. */
export function vqInProcesses(
  size: number,
  command: readonly string[],
  kill?: { readonly folder: string; readonly moment: Moment; draw(): number },
): Promise<Ended> {
  const [program, ...flags] = mpirun(launchers[0] as string, size) as [string, ...string[]];
  const main = join(root, "packages/cli/dist/main.js");
  const child = spawn(program, [...flags, process.execPath, main, ...command]);
  let [stdout, stderr, killed] = ["", "", 0];
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const stop =
    kill &&
    whenIn(kill.folder, kill.moment, kill.draw, () => {
      killed = performance.now();
      const ranks = ranksOf(child.pid as number);
      const chosen = ranks[Math.floor(kill.draw() * ranks.length)];
      if (chosen !== undefined) process.kill(chosen, "SIGKILL");
    });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      stop?.();
      const seconds = killed === 0 ? 0 : (performance.now() - killed) / 1000;
      resolve({ code, stdout, stderr, seconds });
    });
  });
}

/** The processes of a launcher: MPICH's are its children's. */
function ranksOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => {
    const own = ranksOf(child);
    return own.length > 0 ? own : [child];
  });
}

/** Processes that one has started, in whichever of its threads. */
function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .flatMap((thread) =>
        readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")
          .trim()
          .split(" ")
          .filter(Boolean),
      )
      .map(Number);
  } catch {
    return []; // it has ended
  }
}
