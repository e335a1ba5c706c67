import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { temporaryFolder } from "../../../../test/support/vq.ts";
import {
  createFolder,
  readInput,
  removeLeftovers,
  temporaryName,
  writeFileSafely,
} from "./files.ts";
import { thisOwner } from "./owner.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
afterAll(() => folder[Symbol.dispose]());

test("what dead processes were writing is removed, and nothing else", async () => {
  const { pid } = spawnSync("true");
  const kept = [
    temporaryName(at("a.npy")),
    temporaryName(at("b.npy"), { ...thisOwner, pid, host: "elsewhere" }),
    at(`.${pid}.tmp`),
    at(`c.${pid}.tmp`),
    at(".d.tmp"),
  ];
  const stale = [
    temporaryName(at("e.npy"), { ...thisOwner, pid }),
    at(`.model.safetensors.${pid}.tmp`),
  ];
  for (const path of [...kept, ...stale]) writeFileSync(path, "half");
  await removeLeftovers(folder.path);
  expect(readdirSync(folder.path).sort()).toEqual(
    kept.map((path) => path.slice(folder.path.length + 1)).sort(),
  );
});

test("a file takes the place of an old one, but never of a device or a pipe", async () => {
  await writeFileSafely(at("text"), "first");
  await writeFileSafely(at("text"), "second");
  expect(readFileSync(at("text"), "utf8")).toBe("second");
  spawnSync("mkfifo", [at("pipe")]);
  symlinkSync("/dev/null", at("null"));
  const before = readdirSync(folder.path);
  for (const name of ["pipe", "null"]) {
    await expect(writeFileSafely(at(name), "text")).rejects.toThrow(
      /write the file, got a device, a pipe/,
    );
    await expect(readInput(at(name))).rejects.toThrow(
      /readable file, got a device, a pipe or a socket/,
    );
  }
  await expect(writeFileSafely(folder.path, "text")).rejects.toThrow(/got a folder/);
  expect(readdirSync(folder.path)).toEqual(before);
});

test("a process that ends leaves nothing half written", () => {
  const script = `
    const { openFileStream } = await import(process.argv[1]);
    const file = await openFileStream(process.argv[2]);
    await file.write(new Uint8Array(10));
    process.stdout.write(fs.readdirSync(path.dirname(process.argv[2])).join());
    process.exit(130);
  `;
  const dist = new URL("../../dist/output/fileStream.js", import.meta.url).href;
  const out = at("ended", "out.npy");
  mkdirSync(at("ended"));
  const { status, stdout } = spawnSync(process.execPath, [
    "-e",
    `(async () => {${script}})()`,
    dist,
    out,
  ]);
  expect([status, stdout.toString()]).toEqual([
    130,
    expect.stringMatching(/^\.out\.npy\..*\.tmp$/),
  ]);
  expect(readdirSync(at("ended"))).toEqual([]);
});

test("a folder is made with those around it, or the error tells why not", async () => {
  const path = at("a", "b", "c");
  await Promise.all([createFolder(path), createFolder(path)]);
  await createFolder(path);
  expect(readdirSync(at("a", "b"))).toEqual(["c"]);
  await expect(createFolder(at("text", "d"))).rejects.toThrow("a file where a folder should be");
});

// The kernel says "no such folder" there of the one that is to be made; `mkdir` of Node would try for ever.
test.runIf(process.platform === "linux")("nor does a folder in /proc wait for ever", async () => {
  await expect(createFolder("/proc/none/run")).rejects.toThrow(
    "/proc/none/run: expected to create the folder, got no such file or folder",
  );
});
