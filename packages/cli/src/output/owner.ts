import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/**
 * A process, named so that no other one ever has its name: not when its number is given again, not
 * after a restart of the machine, and not on another machine.
 */
export interface Owner {
  readonly pid: number;
  /** When it began, in ticks of the machine, and which start of the machine that was. */
  readonly born: string;
  readonly host: string;
}

const host = hostname().replace(/\W/g, "_").slice(0, 24);
// Only Linux tells; elsewhere a process is known by its number alone.
const boot = read("/proc/sys/kernel/random/boot_id").slice(0, 8);

/** This process. */
export const thisOwner: Owner = { pid: process.pid, born: bornOf(process.pid) ?? "", host };

/** An owner as text, fit for a file's name: letters, digits, `_` and two `-`. */
export function ownerName({ pid, born, host }: Owner): string {
  return `${pid}-${born}-${host}`;
}

/** Reads what `ownerName` wrote; a number alone is a process of this machine. */
export function parseOwner(name: string): Owner | undefined {
  const [, pid, born = "", at = host] = /^(\d+)(?:-(\w*)-(\w*))?$/.exec(name) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), born, host: at };
}

/** Whether a process is there still. Another machine's can't be seen from here. */
export function stateOf(owner: Owner): "running" | "gone" | "elsewhere" {
  if (owner.host !== host) return "elsewhere";
  const born = bornOf(owner.pid);
  if (born !== undefined && owner.born !== "") return born === owner.born ? "running" : "gone";
  try {
    process.kill(owner.pid, 0); // sends nothing
    return "running";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH" ? "gone" : "running";
  }
}

/** When a process began; "dead" if it is only waiting to be forgotten; undefined if nothing tells. */
function bornOf(pid: number): string | undefined {
  const text = read(`/proc/${pid}/stat`);
  // The name in brackets may hold anything: the fields are counted from behind it.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, started] = [fields[0], fields[19]];
  if (started === undefined) return undefined;
  return state === "Z" || state === "X" ? "dead" : `${started}_${boot}`;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
