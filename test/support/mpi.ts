import { spawnSync } from "node:child_process";

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
