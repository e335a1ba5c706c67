import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

const launchers = /^(mpirun|mpiexec|orterun|orted|prterun|prted|hydra)/;
/** Seconds that the launcher has to end the job itself. */
const patience = 5;

/**
 * Ends the launcher that started this process, unless it ends by itself within some seconds: one that
 * can't reach a host any more waits for it without end.
 */
export function endLauncherSoon(): void {
  const { ppid } = process;
  let name = "";
  try {
    name = readFileSync(`/proc/${ppid}/comm`, "utf8");
  } catch {
    return; // no Linux, or nobody there
  }
  if (!launchers.test(name)) return;
  const script = `sleep ${patience}; kill -9 ${ppid}`;
  spawn("sh", ["-c", script], { detached: true, stdio: "ignore" }).unref();
}
