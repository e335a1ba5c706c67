import { dirname, extname, resolve } from "node:path";
import type { ProcessGroup } from "vector-quantize/train";
import type { Coding } from "../codec/coding.ts";
import {
  encodeInParts,
  type MergedCodes,
  numberOfParts,
  type Share,
} from "../codec/encodeParts.ts";
import { ofSounds, type SavedModel } from "../codec/modelFile.ts";
import { openPriorOf } from "../codec/prior.ts";
import { codeChooser } from "../codec/rdo.ts";
import { UsageFailure } from "../failure.ts";
import type { PictureOptions } from "../input/pictureSet.ts";
import { openCodeSink, soundMetadata, type VqOptions } from "../output/codeSinks.ts";
import type { Console } from "../output/console.ts";
import { createCount } from "../output/count.ts";
import { createFolder } from "../output/files.ts";
import { tellLeftOut } from "../output/leftOut.ts";
import { cleanUpWhenInterrupted } from "../output/unfinished.ts";
import { amount, clock, grouped, small } from "../output/words.ts";
import { openCoding } from "./openCoding.ts";

/** What `vq encode` is asked for. */
export interface EncodeFlags extends PictureOptions {
  readonly out: string;
  readonly prior: boolean;
  readonly rdo?: number;
}

/** Who does it. */
export interface EncodeWorkers {
  /** The processes that do it together. */
  readonly group: ProcessGroup;
  readonly share: Share | undefined;
}

/** `vq encode` with a model of pictures or of sounds. */
export async function encodeAll(
  model: SavedModel,
  source: string,
  options: EncodeFlags,
  workers: EncodeWorkers,
  console: Console,
): Promise<void> {
  const { out, rdo } = options;
  const together = workers.group.size > 1 || workers.share !== undefined;
  if (rdo !== undefined && together) {
    throw new UsageFailure(
      "--rdo: expected one process and no --part, for a code's bits depend on all codes before it, got parts",
    );
  }
  const sounds = ofSounds(model);
  if (sounds && extname(out).toLowerCase() === ".npy") {
    throw new UsageFailure(`--out: expected a .vq file, which keeps lengths and rates, got ${out}`);
  }
  if (resolve(out) === resolve(source)) {
    throw new UsageFailure(`--out: expected another file than what is encoded, got ${out}`);
  }
  const prior = options.prior ? await openPriorOf(model) : undefined;
  const chooser = await codeChooser(model, rdo, prior);
  using coding = await openCoding(model, source, options, console, chooser);
  await createFolder(dirname(out));
  cleanUpWhenInterrupted();
  const began = performance.now();
  const vq = { prior, ...(sounds && { metadata: soundMetadata(sounds) }) };
  const work = { model, coding, out, vq };
  const done = together
    ? await encodeShares(work, options, workers, console)
    : await encodeAlone(work, console);
  const seconds = (performance.now() - began) / 1000;
  if (done) tellEncoded(console, coding, out, { ...done, seconds });
}

interface Work {
  readonly model: SavedModel;
  readonly coding: Coding;
  readonly out: string;
  /** What the file has besides. */
  readonly vq: VqOptions;
}

async function encodeAlone(
  { model, coding, out, vq }: Work,
  console: Console,
): Promise<MergedCodes> {
  const sink = await openCodeSink(model, out, vq);
  const progress = createCount(console, coding.count, coding.medium);
  let [count, extent] = [0, 0];
  try {
    const skipped = (why: string) => {
      tellLeftOut(console, "unreadable", [why]);
      progress.add(1);
    };
    for await (const coded of coding.coded(skipped)) {
      await sink.add(coded);
      count += 1;
      extent += coding.extentOf(coded);
      progress.add(1);
    }
    return { count, extent, ...(await sink.finish()) };
  } finally {
    progress.stop();
    await sink.discard();
  }
}

/** One of several processes; all but the one that ends the file have nothing to tell. */
async function encodeShares(
  work: Work,
  { out, prior, size, images, seed, skipUnreadable }: EncodeFlags,
  { group, share }: EncodeWorkers,
  console: Console,
): Promise<MergedCodes | undefined> {
  const progress = createCount(console, numberOfParts(work.coding.count), "parts");
  const merged = await encodeInParts({
    ...{ ...work, group, share },
    choices: { prior, size, images, seed, skipUnreadable },
    skipped: (why) => tellLeftOut(console, "unreadable", [why]),
    progress: (parts) => progress.add(parts),
  }).finally(() => progress.stop());
  if (!merged && share) {
    console.say(`${out}.parts: part ${share.index + 1}/${share.count} is done, others are not yet`);
  }
  return merged;
}

/** Says what a file of codes holds. */
function tellEncoded(
  console: Console,
  { medium }: Coding,
  file: string,
  { count, extent, bytes, seconds }: MergedCodes & { readonly seconds: number },
): void {
  const bits = (8 * bytes) / extent;
  if (medium === "sounds") {
    console.say(
      `${file}: ${amount(count, "sound")}, ${clock(extent)} in all, in ${grouped(bytes)} bytes, ` +
        `${grouped(bits)} bits a second, ${small(extent / seconds)} times as fast as they play`,
    );
    const told = { file, sounds: count, length: extent, bytes, bitsPerSecond: bits, seconds };
    console.record("encoded", told);
    return;
  }
  console.say(
    `${file}: ${amount(count, "image")} in ${grouped(bytes)} bytes, ` +
      `${small(bits)} bits a pixel, ${small(count / seconds)} images/s`,
  );
  console.record("encoded", { file, images: count, bytes, bitsPerPixel: bits, seconds });
}
