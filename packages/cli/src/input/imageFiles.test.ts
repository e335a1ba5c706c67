import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { temporaryFolder } from "../../../../test/support/vq.ts";
import { listFolder } from "./folders.ts";
import { reasonOf } from "./imageFiles.ts";
import { loadImages } from "./images.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
afterAll(() => folder[Symbol.dispose]());

test("pipes and devices are no images, whatever they are called", async () => {
  mkdirSync(at("deep"));
  for (const name of ["b.png", "deep/a.JPG"]) writeFileSync(at(name), "");
  for (const name of ["pipe.png", "deep/pipe.webp"]) spawnSync("mkfifo", [at(name)]);
  symlinkSync(at("b.png"), at("c.png"));
  symlinkSync("/dev/zero", at("zero.png"));
  symlinkSync(at("pipe.png"), at("linked.png"));
  symlinkSync(at("none"), at("nowhere.png"));
  const names = ["b.png", "c.png", "deep/a.JPG", "nowhere.png"];
  expect((await listFolder(folder.path, "pictures")).files).toEqual(names.map((name) => at(name)));
  const request = { size: 8, channels: 3, shapes: { count: 1, seed: 0 } } as const;
  for (const name of ["pipe.png", "zero.png"]) {
    await expect(loadImages(at(name), request)).rejects.toThrow(
      `${name}: expected a readable file, got a device, a pipe or a socket`,
    );
  }
});

test("why a file can't be read is not what was said about another", () => {
  const message = "photos/b.avif: bad seek to 1587\nVipsJpeg: premature end of JPEG image\n";
  expect(reasonOf(new Error(message))).toBe("VipsJpeg: premature end of JPEG image");
});
