import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { launchers, mpirun, without } from "../support/mpi.ts";
import { root } from "../support/paths.ts";

const script = (name: string) => join(root, "test/mpi", name);

/** What processes of `launcher` that run a script print, and how they end. */
function run(launcher: string, size: number, name: string, ...args: string[]) {
  const [command, ...flags] = mpirun(launcher, size);
  return spawnSync(command as string, [...flags, process.execPath, script(name), ...args], {
    encoding: "utf8",
    timeout: 60_000,
  });
}

if (launchers.length === 0) console.warn(without);

describe.each(launchers)("processes by %s", { timeout: 60_000 }, (launcher) => {
  it("sum, send and gather, while they do other things", () => {
    const { stdout, stderr, status } = run(launcher, 3, "collectives.mjs");
    expect(status, stderr).toBe(0);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const common = {
      size: 3,
      sums: [3, 3, 1.5],
      integers: [6],
      doubles: [3 + 3e-9, 3 + 3e-9].map((value) => expect.closeTo(value, 12)),
      sent: [12, 22],
      gathered: [1, 2, 2],
      known: [0, 1, 2],
      roomed: [true, 0, 1, 2],
      ticked: true,
      slept: true,
    };
    lines.sort((a, b) => a.rank - b.rank);
    expect(lines).toEqual([0, 1, 2].map((rank) => ({ rank, ...common })));
  });

  it.each([
    ["kill", /137|signal 9|Killed/],
    ["leave", /process 1 of 3: ended with code 0 before the others had/],
    ["throw", /process 1 of 3: ended by an error: Error: out of order/],
    ["silent", /process [02] of 3: waited 3 s for process 1 in allReduce, its collective call 2/],
    ["abort", /process 2 of 3: has had enough/],
  ])("end together where one does: %s", (way, words) => {
    const { stdout, stderr, status, signal } = run(launcher, 3, "failing.mjs", way);
    expect(signal).toBe(null); // it ends by itself
    expect(status).not.toBe(0);
    expect(`${stdout}${stderr}`).toMatch(words);
  });
});

it.skipIf(launchers.length === 0)("one that is started by itself is a group of one", () => {
  const words = execFileSync(process.execPath, [script("collectives.mjs")], { encoding: "utf8" });
  expect(JSON.parse(words)).toMatchObject({ rank: 0, size: 1, sums: [0, 1, 0], gathered: [] });
});

it("says how to install MPI where there is none", () => {
  const child = spawnSync(process.execPath, [script("withoutMpi.mjs")], { encoding: "utf8" });
  expect(child.stdout).toContain("mpiGroup: expected an MPI library, got none of libmpi.so.40");
  expect(child.stdout).toContain("apt-get install openmpi-bin");
});

it.skipIf(!process.env.VQ_CUT_LINK)(
  "end by the timeout where a link is cut",
  { timeout: 200_000 },
  () => {
    const { stdout, stderr, status } = spawnSync("bash", [script("cutLink.sh")], {
      encoding: "utf8",
    });
    expect(status, `${stdout}${stderr}`).toBe(0);
  },
);
