/** Every example runs, at a small size. */
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { afterEach, expect, it, vi } from "vitest";
import { importsLate } from "./docs/examples.ts";
import { root } from "./support/paths.ts";
import { temporaryFolder } from "./support/vq.ts";

const folder = join(root, "examples");
const files = readdirSync(folder).filter((name) => name.endsWith(".ts"));
const { argv } = process;

afterEach(() => {
  process.argv = argv;
  vi.restoreAllMocks();
});

/** Runs an example with these arguments; what it exports and what it prints. */
async function run(file: string, ...args: string[]) {
  process.argv = [...argv.slice(0, 1), file, ...args];
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const print = vi.spyOn(console, "log").mockImplementation(() => {});
  const exported = await import(pathToFileURL(join(folder, file)).href);
  return { exported, printed: print.mock.calls.flat().join("\n") };
}

/** What each prints at its end, with arguments that keep it short. */
const programs: Record<string, [args: string[], prints: RegExp]> = {
  "custom-loss.ts": [["--steps", "2"], /PSNR 1\d\.\d+ dB$/],
  "from-pytorch.ts": [[], /^decoded to 4096 x 64$/m],
  "kernels.ts": [["--vectors", "4000"], /^32 times smaller, 1\d\.\d % of the power lost$/m],
  "palette.ts": [["--colors", "4"], /^256 x 256, 4 colours: 2\d\.\d+ dB, \d+ ms$/],
  "search.ts": [["--vectors", "3000"], /^a file of 0\.2 MB gives the same: true$/m],
  "voice.ts": [["--steps", "2"], /^3200 bits a second: mel distance \d\.\d+$/m],
  "speech-residual.ts": [["--codes", "8"], /^6 layers, 3.6 kbit\/s: SNR 1\d\.\d+ dB$/m],
};
for (const file of files) {
  if (!file.startsWith("autoencoder-")) continue;
  programs[file] = [
    ["--steps", "2", "--batch", "32"],
    /reconstruction 0\.\d+, \d+ % of \d+ codes used/,
  ];
}

it.each(Object.entries(programs))("%s", { timeout: 120_000 }, async (file, [args, prints]) => {
  expect((await run(file, ...args)).printed).toMatch(prints);
});

it("splats.ts: a scene to textures", { timeout: 120_000 }, async () => {
  using folder = temporaryFolder();
  const [scene, out] = [join(folder.path, "scene.ply"), join(folder.path, "scene")];
  const names = ["x", ...Array.from({ length: 9 }, (_, i) => `f_rest_${i}`), "opacity"];
  const splats = 2048;
  const header = ["ply", "format binary_little_endian 1.0", `element vertex ${splats}`]
    .concat(names.map((name) => `property float ${name}`))
    .concat("end_header\n");
  // Two kinds of splats, of numbers that palettes and scalars have exactly.
  const kind = (n: number) => (n % 3 === 0 ? 1 : 0);
  const floats = Float32Array.from({ length: splats * names.length }, (_, i) => {
    const [n, at] = [Math.floor(i / names.length), i % names.length];
    return at === 0 || at === 10 ? 99 : 10 * kind(n) + at;
  });
  writeFileSync(scene, Buffer.concat([Buffer.from(header.join("\n")), Buffer.from(floats.buffer)]));
  const { printed } = await run("splats.ts", "--ply", scene, "--out", out);
  expect(printed).toMatch(/^2048 splats, 2048 entries: 0.00 % of the power lost, \d+\.\d s$/);
  const { count, bands, codebook } = JSON.parse(readFileSync(`${out}.json`, "utf8"));
  expect([count, bands, codebook.length]).toEqual([2048, 1, 256]);
  const pixels = (file: string) => sharp(`${out}.${file}.webp`).ensureAlpha().raw().toBuffer();
  const [entries, labels] = [await pixels("shN_centroids"), await pixels("shN_labels")];
  for (let n = 0; n < splats; n++) {
    const entry = labels[4 * n]! + 256 * labels[4 * n + 1]!;
    for (let i = 0; i < 9; i++) {
      const value = codebook[entries[4 * (entry * 3 + (i % 3)) + Math.floor(i / 3)]!];
      expect(value).toBe(10 * kind(n) + i + 1);
    }
  }
});

it("service.ts: pictures to codes and back", { timeout: 120_000 }, async () => {
  const { exported } = await run("service.ts", "--port", "0");
  const server = exported.server as Server;
  if (!server.listening) await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const post = (path: string, body: BodyInit) =>
    fetch(`http://127.0.0.1:${port}/${path}`, { method: "POST", body });
  const pictures = Uint8Array.from({ length: 2 * 32 * 32 * 3 }, (_, i) => i % 256);
  try {
    const codes = await (await post("encode", pictures)).text();
    expect(JSON.parse(codes)).toMatchObject({ shape: [2, 8, 8] });
    const decoded = await (await post("decode", codes)).arrayBuffer();
    expect(decoded.byteLength).toBe(pictures.length);
    const wrong = await post("encode", "too few");
    expect([wrong.status, await wrong.text()]).toEqual([
      400,
      "expected 3072 bytes a picture, got 7\n",
    ]);
    const none = JSON.stringify({ shape: [1, 8, 8], codes: Array(64).fill(512) });
    expect(await (await post("decode", none)).text()).toContain("expected");
    expect((await post("", "")).status).toBe(404);
  } finally {
    server.close();
  }
});

it.each(files)("%s imports the library before jax-js", (file) => {
  expect(importsLate(readFileSync(join(folder, file), "utf8"))).toBe(false);
});

it("leaves no example out, and none is long", () => {
  const tried = [...Object.keys(programs), "service.ts", "splats.ts", "digits.ts"]; // the last one is theirs
  expect(files.filter((file) => !tried.includes(file))).toEqual([]);
  for (const file of files) {
    const lines = readFileSync(join(folder, file), "utf8").split("\n").length - 1;
    expect(lines, file).toBeLessThanOrEqual(80);
  }
});
