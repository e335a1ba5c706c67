import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../test/support/vq.ts";
import { lockFolder } from "./lock.ts";
import { type Owner, ownerName, stateOf, thisOwner } from "./owner.ts";

vi.setConfig({ testTimeout: 60_000 }); // processes

let folder: ReturnType<typeof temporaryFolder>;
const file = () => join(folder.path, ".lock");
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder[Symbol.dispose]());

const lockedBy = (owner: Owner) => writeFileSync(file(), ownerName(owner));

/** A process that has ended. */
const gone = (): Owner => ({ ...thisOwner, pid: spawnSync("true").pid });

test("a lock is gone when it is disposed of", async () => {
  {
    using lock = await lockFolder(folder.path);
    lock.check();
    expect(readdirSync(folder.path)).toEqual([".lock"]);
    await expect(lockFolder(folder.path)).rejects.toThrow(`held by process ${process.pid} on `);
  }
  expect(readdirSync(folder.path)).toEqual([]);
});

test("a dead process's lock is taken over", async () => {
  lockedBy(gone());
  using _ = await lockFolder(folder.path);
  expect(readFileSync(file(), "utf8")).toBe(ownerName(thisOwner));
  expect(readdirSync(folder.path)).toEqual([".lock"]);
});

test.runIf(process.platform === "linux")("so is one whose number is another's now", async () => {
  const other = { ...thisOwner, pid: process.ppid, born: thisOwner.born };
  expect(stateOf(other)).toBe("gone");
  lockedBy(other);
  using _ = await lockFolder(folder.path);
});

test.runIf(process.platform === "linux")("so is one of before the machine's restart", async () => {
  lockedBy({ ...thisOwner, born: thisOwner.born.replace(/_.*/, "_00000000") });
  using _ = await lockFolder(folder.path);
});

test("another machine's is not, and neither is what can't be read", async () => {
  lockedBy({ ...gone(), host: "elsewhere" });
  await expect(lockFolder(folder.path)).rejects.toThrow(
    /on elsewhere\. If it has ended, remove .*lock/,
  );
  writeFileSync(file(), "");
  await expect(lockFolder(folder.path)).rejects.toThrow("held by an unknown process. If it has");
});

test("a lost lock is noticed, and another's is left alone", async () => {
  {
    using lock = await lockFolder(folder.path);
    rmSync(file());
    expect(() => lock.check()).toThrow("expected the folder that this run has begun in");
    lockedBy({ ...thisOwner, host: "elsewhere" });
    expect(() => lock.check()).toThrow("taken by another process");
  }
  expect(readdirSync(folder.path)).toEqual([".lock"]);
});

test("of processes that come at once, one gets a stale lock", async () => {
  for (let round = 0; round < 2; round++) {
    lockedBy(gone());
    const rivals = Array.from({ length: 5 }, () => rival(folder.path));
    const answers = await Promise.all(rivals.map(({ answer }) => answer));
    expect(answers.filter((answer) => answer === "held\n")).toHaveLength(1);
    for (const answer of answers) expect(answer).toMatch(/^held|held by process \d+ on /);
    await Promise.all(rivals.map(({ end }) => end()));
    expect(readdirSync(folder.path)).toEqual([]);
  }
});

/** A process that tells whether it got the lock, and holds it until its end. */
function rival(path: string): { answer: Promise<string>; end: () => Promise<void> } {
  const built = fileURLToPath(new URL("../../dist/output/lock.js", import.meta.url));
  const script = `
    import { lockFolder } from ${JSON.stringify(built)};
    const lock = await lockFolder(${JSON.stringify(path)}).catch((error) => error);
    process.stdout.write((lock instanceof Error ? lock.message : "held") + "\\n");
    process.stdin.on("end", () => process.exit()).resume();`;
  const child: ChildProcess = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  return {
    answer: new Promise((resolve) => child.stdout?.once("data", (text) => resolve(String(text)))),
    end: () => {
      child.stdin?.end();
      return ended;
    },
  };
}
