import { createHash } from "node:crypto";
import { open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ProcessGroup } from "vector-quantize/train";
import { Failure } from "../failure.ts";
import { openCodes } from "../input/codeFiles.ts";
import { openCodeSink, type VqOptions } from "../output/codeSinks.ts";
import { openFileStream } from "../output/fileStream.ts";
import { createFolder, writeFileSafely } from "../output/files.ts";
import { lockFolder } from "../output/lock.ts";
import { onFirst } from "../processes.ts";
import type { Coding } from "./coding.ts";
import type { SavedModel } from "./modelFile.ts";
import { modelHash } from "./modelHash.ts";

/** Pictures, or sounds, of a part: another number would be another job. */
const picturesInPart = 32;

/** The share of one of several processes that know nothing of each other: number `index` of `count`, from 0. */
export interface Share {
  readonly index: number;
  readonly count: number;
}

export interface EncodeParts {
  readonly model: SavedModel;
  readonly coding: Coding;
  /** The file of all codes. */
  readonly out: string;
  readonly vq: VqOptions;
  /** All that was asked for that codes depend on. */
  readonly choices: object;
  /** The processes that do it together. */
  readonly group: ProcessGroup;
  readonly share?: Share | undefined;
  /** Told of what is left out. */
  skipped(why: string): void;
  /** Told how many more parts are there. */
  progress(parts: number): void;
}

/** What the file of all codes holds. */
export interface MergedCodes {
  /** Pictures, or sounds, and all their pixels, or seconds. */
  readonly count: number;
  readonly extent: number;
  readonly bytes: number;
}

/** How many parts there are of so many pictures or sounds. */
export const numberOfParts = (count: number) => Math.ceil(count / picturesInPart);

/**
 * Encodes pictures or sounds in parts, each a file of its own beside `out`, taken by whichever process
 * is free, or by shares. A part has its name once it is whole, so that what is done is not done again
 * after a crash. When all are there, the codes go into `out`: the file that one process would have
 * written, byte for byte.
 *
 * @returns what `out` holds, in the process that wrote it
 */
export async function encodeInParts(work: EncodeParts): Promise<MergedCodes | undefined> {
  const { out, group, coding, share } = work;
  const folder = `${out}.parts`;
  const first = group.rank === 0;
  if (first) await openJob(folder, work);
  await group.barrier();
  const count = numberOfParts(coding.count);
  const own = share
    ? numbers(count).filter((part) => part % share.count === share.index)
    : turned(numbers(count), Math.floor((count * group.rank) / group.size));
  let seen = 0;
  for (const part of own) {
    const done = await partsIn(folder);
    work.progress(done.size - seen);
    seen = done.size;
    if (done.has(part) || !(share || (await claim(folder, part)))) continue;
    await encodePart(work, folder, part);
  }
  await group.barrier();
  if (!share) return onFirst(group, () => merge(work, folder, count));
  return mergeIfWhole(work, folder, count);
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const turned = <T>(all: readonly T[], by: number) => [...all.slice(by), ...all.slice(0, by)];
const fileOf = (folder: string, part: number) => join(folder, `${part}.vq`);
const claimOf = (folder: string, part: number) => join(folder, `${part}.claim`);

/** Begins the job, or goes on with it. Throws if another one's parts lie in the folder. */
async function openJob(
  folder: string,
  { model, out, coding, choices, share }: EncodeParts,
): Promise<void> {
  await (await openFileStream(out)).discard(); // what can't be written at the end is an error now
  await createFolder(folder);
  const pictures = createHash("sha256")
    .update(await coding.identity())
    .digest("hex");
  const job = { model: await modelHash(model), pictures, choices, picturesInPart };
  const text = `${JSON.stringify(job, undefined, 2)}\n`;
  const path = join(folder, "job.json");
  const before = await readFile(path, "utf8").catch(() => undefined);
  if (before !== undefined && before !== text) {
    throw new Failure(
      `${folder}: expected parts of these codes, got those of another model, other ${coding.medium} or options. Remove it`,
    );
  }
  if (before === undefined) await writeFileSafely(path, text);
  if (share) return;
  for (const name of await readdir(folder)) {
    // Whoever had taken these is gone: all processes of the job have just begun.
    if (name.endsWith(".claim")) await rm(join(folder, name), { force: true });
  }
}

/** The parts that are done. */
async function partsIn(folder: string): Promise<Set<number>> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const found = names.flatMap((name) => /^(\d+)\.vq$/.exec(name)?.[1] ?? []);
  return new Set(found.map(Number));
}

/** Takes a part for this process; false if another has it. */
async function claim(folder: string, part: number): Promise<boolean> {
  try {
    await (await open(claimOf(folder, part), "wx")).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function encodePart(work: EncodeParts, folder: string, part: number): Promise<void> {
  const { model, coding } = work;
  const from = part * picturesInPart;
  const to = Math.min(from + picturesInPart, coding.count);
  const sink = await openCodeSink(model, fileOf(folder, part));
  try {
    const all = coding.coded((why) => work.skipped(why), { from, to });
    for await (const coded of all) await sink.add(coded);
    await sink.finish();
  } finally {
    await sink.discard();
  }
}

/** All codes into one file; then the parts go. */
async function merge(
  { model, out, vq, coding }: EncodeParts,
  folder: string,
  parts: number,
): Promise<MergedCodes> {
  const sink = await openCodeSink(model, out, vq);
  let [count, extent] = [0, 0];
  try {
    for (let part = 0; part < parts; part++) {
      await using source = await openCodes(model, fileOf(folder, part), {});
      const damaged = (why: string) => {
        throw new Failure(`${why}. Remove this part and start again`);
      };
      for await (const { file: _, ...coded } of source.pictures(damaged)) {
        await sink.add(coded);
        count++;
        extent += coding.extentOf(coded);
      }
    }
    const { bytes } = await sink.finish();
    await rm(folder, { recursive: true, force: true });
    return { count, extent, bytes };
  } finally {
    await sink.discard();
  }
}

/** `merge` by the last of the processes that know nothing of each other. */
async function mergeIfWhole(
  work: EncodeParts,
  folder: string,
  count: number,
): Promise<MergedCodes | undefined> {
  if ((await partsIn(folder)).size < count) return undefined;
  let lock: Disposable;
  try {
    lock = await lockFolder(folder);
  } catch {
    return undefined; // another one has seen it too
  }
  try {
    if ((await partsIn(folder)).size < count) return undefined;
    return await merge(work, folder, count);
  } finally {
    lock[Symbol.dispose]();
  }
}
