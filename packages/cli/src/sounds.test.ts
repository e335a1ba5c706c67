/** What `vq` does with sounds, from training to decoded files. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openVq } from "vector-quantize/codes";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { compressedTones } from "../../../test/support/compressedTones.ts";
import { contentsOf, runVq, temporaryFolder } from "../../../test/support/vq.ts";
import { tone, wavOf } from "../../../test/support/wav.ts";
import { ofSounds, openSaved, type SoundModelFile } from "./codec/modelFile.ts";
import { collected } from "./input/sound/collected.ts";
import { openSound } from "./input/sound/soundFiles.ts";
import { vqInto } from "./output/codeSinks.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 }); // processes that compile

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
const run = at("run");
const [voice, clips] = [at("voice"), at("clips")];

beforeAll(async () => {
  mkdirSync(voice);
  mkdirSync(join(clips, "deep"), { recursive: true });
  for (let i = 0; i < 6; i++) {
    writeFileSync(join(voice, `${i}.wav`), wavOf(tone(200 + 50 * i, 0.25 + 0.03 * i)));
  }
  const stereo = wavOf(tone(300, 0.6, 44100), { sampleRate: 44100, channels: 2, bits: 24 });
  writeFileSync(join(clips, "deep", "stereo.wav"), stereo);
  writeFileSync(join(clips, "odd.wav"), wavOf(tone(300, 0.1234, 11025), { sampleRate: 11025 }));
  writeFileSync(join(clips, "tone.flac"), compressedTones.flac as Buffer);
  copyFileSync(join(voice, "0.wav"), join(clips, "zero.WAV"));
  const { stderr, stdout, code } = await runVq([
    ...["train", voice, "--bitrate", "1600", "--width", "4", "--batch", "2", "--steps", "4"],
    ...["--segment", "0.1", "--fit-vectors", "300", "--eval-every", "2", "--out", run],
  ]);
  expect(stderr).toContain("1,600 bits a second at 8,000 Hz: strides 4, 4, 5");
  expect(stderr).toContain("2 layers of 256 codes");
  expect(stderr).toMatch(/voice: 6 sounds, 0:02 in all, at 8,000 Hz, in pieces of 0\.10 s; 1 held/);
  expect(stdout).toMatch(/\nSI-SDR {11}-?[\d.]+ dB, of 1 sound/);
  expect(stdout).toMatch(/\nbest {13}mel [\d.]+ at step [24]\n/);
  expect(code).toBe(0);
});

afterAll(() => folder[Symbol.dispose]());

const lengthOf = async (path: string) => {
  const sound = await openSound(path);
  return [(await collected(sound.pieces())).length, sound.sampleRate];
};

test("a folder comes back under its names, at its rates, as long as it was", async () => {
  const codes = at("codes.vq");
  const encoded = await runVq(["encode", run, clips, "--out", codes]);
  expect(encoded.stdout).toMatch(/codes\.vq: 4 sounds, 0:01 in all, in \d+ bytes/);
  const decoded = await runVq(["decode", run, codes, "--out", at("decoded")]);
  expect(decoded.code).toBe(0);
  for (const [name, made] of [
    ["deep/stereo.wav", "deep/stereo.wav"],
    ["odd.wav", "odd.wav"],
    ["tone.flac", "tone.wav"],
    ["zero.WAV", "zero.wav"],
  ] as const) {
    expect(await lengthOf(at("decoded", made))).toEqual(await lengthOf(join(clips, name)));
  }
  const { header, entries } = await openVq(readFileSync(codes));
  expect(header.metadata).toEqual({ sampleRate: 8000 });
  const found = [];
  for await (const entry of entries()) found.push(entry);
  expect(found[1]).toMatchObject({ name: "odd.wav", shape: [13], size: [1360, 11025] });

  const inspected = (await runVq(["inspect", codes])).stdout;
  expect(inspected).toMatch(/1360 at 11025 Hz +\[13\] +odd\.wav/);
  expect(inspected).toMatch(/\nbits per second +[\d,]+\n/);

  const evaluated = await runVq(["eval", run, clips, "--out", at("evaluated")]);
  expect(evaluated.stdout).toMatch(/\n +1 +\d+ .*\n +2 +[\d,]+ /); // layer by layer
  expect(contentsOf(at("evaluated"))).toEqual(contentsOf(at("decoded")));

  const only = ["decode", run, codes, "--out", at("coarse"), "--only", "odd.wav", "--layers", "1"];
  expect((await runVq(only)).code).toBe(0);
  expect(await lengthOf(at("coarse", "odd.wav"))).toEqual([1360, 11025]);
  expect(readFileSync(at("coarse", "odd.wav"))).not.toEqual(readFileSync(at("decoded", "odd.wav")));
  expect((await runVq([...only.slice(0, -1), "3"])).stderr).toContain(
    "--layers: expected at most 2",
  );
});

test("the report can be heard, and loads nothing", () => {
  const html = readFileSync(join(run, "report.html"), "utf8");
  expect(html.match(/<audio controls[^>]* src="data:audio\/wav;base64,UklGR/g)?.length).toBe(2);
  expect(html.match(/<img[^>]* alt="Spectrogram of [^"]+"/g)?.length).toBe(2);
  expect(html).toContain("Layer by layer");
  expect(html).not.toMatch(/(src|href)="(?!data:)/);
  const { evaluation, settings } = JSON.parse(readFileSync(join(run, "report.json"), "utf8"));
  expect(evaluation.packedBitsPerSecond).toBeGreaterThan(1500);
  expect(evaluation.byLayers.length).toBe(2);
  expect(settings).toMatchObject({ medium: "sounds", sampleRate: 8000, segment: 0.1 });
  expect(settings).not.toHaveProperty("patch");
});

test("config.json does the same again; --resume goes on, with the same sounds alone", async () => {
  const again = ["train", "--config", join(run, "config.json"), "--out", at("again")];
  expect((await runVq(again)).code).toBe(0);
  for (const name of ["config.json", "reconstructions.png"]) {
    expect(readFileSync(at("again", name))).toEqual(readFileSync(join(run, name)));
  }
  const on = ["train", voice, "--out", at("again"), "--resume"];
  expect((await runVq([...on, "--steps", "5"])).stdout).toMatch(/^trained {10}5 steps/);
  expect((await runVq([...on, "--steps", "6", "--sample-rate", "4000"])).stderr).toContain(
    "--resume: expected sampleRate 8000, as the run began with, got 4000",
  );
});

test("what can't be is said before anything is written", async () => {
  const out = ["--out", at("none")];
  const mixed = at("mixed");
  mkdirSync(mixed);
  copyFileSync(join(voice, "0.wav"), join(mixed, "a.wav"));
  writeFileSync(join(mixed, "b.png"), "");
  const bad = at("bad");
  mkdirSync(bad);
  copyFileSync(join(voice, "0.wav"), join(bad, "a.wav"));
  writeFileSync(join(bad, "b.wav"), "RIFF");
  const ofPictures = at("pictures.json");
  writeFileSync(ofPictures, JSON.stringify({ architecture: { patch: 2 } }));
  for (const [args, words] of [
    [
      ["train", voice, "--config", ofPictures, ...out],
      "pictures.json: patch: expected none for sounds, got one",
    ],
    [["train", mixed, ...out], "expected pictures or sounds, got 1 of the one and 1 of the other"],
    [["train", voice, "--patch", "4", ...out], "--patch: expected none for sounds, got one"],
    [
      ["train", voice, "--bits-per-pixel", "1", ...out],
      "--bits-per-pixel: expected none for sounds",
    ],
    [["train", "shapes", "--bitrate", "4000", ...out], "--bitrate: expected none for pictures"],
    [["train", voice, "--bitrate", "10", ...out], "--bitrate: expected 200 to"],
    [["train", voice, "--bitrate", "900", "--strides", "4,4", ...out], "expected no --strides"],
    [["train", voice, "--quantizer", "identity", ...out], "expected one with codes of one rate"],
    [["train", bad, ...out], "b.wav: expected a WAV, FLAC, MP3 or Ogg sound, got another kind"],
    [["encode", run, bad, "--out", at("none.vq")], "Leave such files out by --skip-unreadable"],
    [["encode", run, voice, "--out", at("none.npy")], "--out: expected a .vq file"],
    [
      ["eval", run, voice, "--against", "jpeg"],
      "--against: expected some of opus, codec2, for sounds",
    ],
    [
      ["encode", run, voice, "--out", at("none.vq"), "--rdo", "0.1", "--part", "1/2"],
      "--rdo: expected one process and no --part",
    ],
  ] as const) {
    const { code, stderr } = await runVq([...args]);
    expect(stderr).toContain(words);
    expect(code).toBeGreaterThan(0);
  }
  expect(existsSync(at("none"))).toBe(false);
  expect(existsSync(at("none.vq"))).toBe(false);
  const skipped = await runVq(["encode", run, bad, "--out", at("some.vq"), "--skip-unreadable"]);
  expect(skipped.stderr).toMatch(/Left out a file, unreadable: .*b\.wav/);
  expect(skipped.stdout).toContain("some.vq: 1 sound");
});

const many = at("many");
const encode = async (name: string, ...flags: string[]) => {
  const { code, stderr } = await runVq(["encode", run, many, "--out", at(name), ...flags]);
  expect(code, stderr).toBe(0);
};
const bytesOf = (name: string) => readFileSync(at(name));

test("in parts it is the same file", async () => {
  mkdirSync(many);
  for (let i = 0; i < 34; i++) {
    writeFileSync(join(many, `${i}.wav`), wavOf(tone(200 + 20 * i, 0.05 + 0.01 * (i % 3))));
  }
  await encode("one.vq");
  await encode("parts.vq", "--part", "2/2");
  expect(existsSync(at("parts.vq"))).toBe(false);
  await encode("parts.vq", "--part", "1/2");
  expect(bytesOf("parts.vq").equals(bytesOf("one.vq"))).toBe(true);
});

test("with the prior files are smaller, and not decoded without it", async () => {
  const decoded = async (name: string) => {
    expect((await runVq(["decode", run, at(name), "--out", at(`${name}.d`)])).code).toBe(0);
    return contentsOf(at(`${name}.d`));
  };
  const prior = join(run, "prior.vq");
  expect(existsSync(prior)).toBe(true); // of few codes
  const { stdout } = await runVq(["prior", run, many]);
  expect(stdout).toMatch(/prior\.vq: prior [0-9a-f]{16}, [\d,]+ bytes/);
  await encode("told.vq", "--prior");
  expect(bytesOf("told.vq").length).toBeLessThan(bytesOf("one.vq").length);
  expect(await decoded("told.vq")).toEqual(await decoded("one.vq"));
  rmSync(prior);
  expect((await runVq(["decode", run, at("told.vq"), "--out", at("lost")])).stderr).toContain(
    "told.vq: expected the prior",
  );
});

test("codes that are chosen for their bits make smaller files, as eval tells", async () => {
  await encode("rdo.vq", "--rdo", "0.3");
  const bytes = bytesOf("rdo.vq").length;
  expect(bytes).toBeLessThan(bytesOf("one.vq").length);
  const { stdout } = await runVq(["eval", run, many, "--rdo", "0.3", "--json"]);
  expect(JSON.parse(stdout.trim().split("\n").at(-1) as string)).toMatchObject({ bytes });
});

test("silence has no SI-SDR, and says so", async () => {
  mkdirSync(at("silence"));
  writeFileSync(at("silence", "a.wav"), wavOf(new Float32Array(1000)));
  const { stdout, code } = await runVq(["eval", run, at("silence")]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^SI-SDR {11}none dB, of 1 sound/);
  expect(stdout).not.toContain("NaN");
});

test("a file that promises more samples than it has codes for is an error", async () => {
  const model = ofSounds(await openSaved(run)) as SoundModelFile;
  for (const size of [
    [2 ** 31, 8000],
    [800, 44100],
  ]) {
    const parts: Uint8Array[] = [];
    const { add, finish } = await vqInto(model, (bytes) => parts.push(bytes.slice()));
    await add({ name: "a.wav", shape: [10], size, codes: new Int32Array(20) });
    await finish();
    writeFileSync(at("long.vq"), Buffer.concat(parts));
    const { stderr, code } = await runVq(["decode", run, at("long.vq"), "--out", at("long")]);
    expect(stderr).toMatch(/long\.vq: a\.wav: expected codes of \d+ positions for \d+ samples/);
    expect(code).toBe(1);
    expect(existsSync(at("long"))).toBe(false);
  }
});
