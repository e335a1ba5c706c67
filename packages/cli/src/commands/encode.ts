import { dirname } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import type { Share } from "../codec/encodeParts.ts";
import { UsageFailure } from "../failure.ts";
import type { PictureOptions } from "../input/pictureSet.ts";
import { type Console, createConsole } from "../output/console.ts";
import { amount, grouped, small } from "../output/words.ts";
import {
  type MachineOptions,
  type RdoOption,
  withMachineOptions,
  withPictureOptions,
  withRdo,
} from "./options.ts";

type Options = MachineOptions &
  PictureOptions &
  RdoOption & { readonly out: string; readonly prior: boolean; readonly part?: Share };

/** `vq encode <model> <data> --out codes.vq` */
export function encodeCommand(): Command {
  const command = new Command("encode")
    .description(
      "turn pictures into codes: a .vq file with their names and sizes, as small as the codes allow; " +
        "or, by the ending, an int32 .npy file of shape [images, height, width]. Sounds likewise, as .vq. " +
        "A quantizer alone, as vq import makes it, turns vectors of a .npy file into codes of another",
    )
    .argument("<model>", "model.safetensors, or the folder of a run")
    .argument(
      "<data>",
      "images or sounds, as for train, files at their full size; for a quantizer alone vectors.npy",
    )
    .requiredOption("--out <file>", "where to write the codes: .vq or .npy")
    .option(
      "--part <i/n>",
      "encode every n-th part of the pictures, the i-th of them: for n processes that know nothing of each " +
        "other. The last to end writes the file",
      shareOf,
    )
    .option(
      "--prior",
      "smaller files, most of all of a few small pictures: begin with what prior.vq in the folder of the run " +
        "tells, which decode then needs too",
      false,
    )
    .action(async (modelPath: string, data: string, options: Options) => {
      const { startRuntime } = await import("../runtime.ts");
      await startRuntime(options);
      const { ownConsole, onFirst, processGroup } = await import("../processes.ts");
      const { isAlone, ofImages, ofSounds, openSaved } = await import("../codec/modelFile.ts");
      const { createPictureCodec } = await import("../codec/pictures.ts");
      const { openPriorOf } = await import("../codec/prior.ts");
      const { pictureRdo } = await import("../codec/rdo.ts");
      const { openPictures, sameSizes } = await import("../input/pictureSet.ts");
      const { openCodeSink } = await import("../output/codeSinks.ts");
      const { createCount } = await import("../output/count.ts");
      const { createFolder } = await import("../output/files.ts");
      const { cleanUpWhenInterrupted } = await import("../output/unfinished.ts");
      const { tellLeftOut } = await import("../output/leftOut.ts");
      const group = await processGroup();
      const console = ownConsole(createConsole(options.json), group);
      if (group.size > 1 && options.part) {
        throw new UsageFailure(
          `--part: expected one process, got ${group.size} by mpirun, which share the parts by themselves`,
        );
      }
      const saved = await openSaved(modelPath);
      if (isAlone(saved)) {
        if (options.prior) throw new UsageFailure("--prior: expected a model of images");
        if (options.rdo !== undefined) throw new UsageFailure("--rdo: expected a model of images");
        const { encodeVectors } = await import("../codec/encodeVectors.ts");
        const done = await onFirst(group, () => encodeVectors(saved, data, options.out));
        if (!done) return;
        console.say(
          `${options.out}: codes [${done.shape.join(", ")}] of ${amount(done.vectors, "vector")}`,
        );
        console.record("encoded", { file: options.out, ...done });
        return;
      }
      const sounds = ofSounds(saved);
      if (sounds) {
        const { encodeSounds } = await import("./sound/encodeSounds.ts");
        for (const flag of ["rdo", "part"] as const) {
          if (options[flag] !== undefined) {
            throw new UsageFailure(`--${flag}: expected a model of images`);
          }
        }
        await onFirst(group, () => encodeSounds(sounds, data, options, console));
        return;
      }
      const model = ofImages(saved);
      const set = await openPictures(model, data, options);
      tellLeftOut(console, "no images by their names", set.others);
      await createFolder(dirname(options.out));
      cleanUpWhenInterrupted();
      const began = performance.now();
      const prior = options.prior ? await openPriorOf(model) : undefined;
      const codec = createPictureCodec(model, await pictureRdo(model, options.rdo, prior));
      if (group.size > 1 || options.part) {
        const { encodeInParts, numberOfParts } = await import("../codec/encodeParts.ts");
        const {
          out,
          part: share,
          json: _,
          threads: _threads,
          device: _device,
          ...choices
        } = options;
        const count = createCount(console, numberOfParts(set.count), "parts");
        const merged = await encodeInParts({
          ...{ model, set, codec, out, prior, choices, group, share },
          skipped: (why) => tellLeftOut(console, "unreadable", [why]),
          progress: (parts) => count.add(parts),
        }).finally(() => count.stop());
        const seconds = (performance.now() - began) / 1000;
        if (merged) tellEncoded(console, out, { ...merged, seconds });
        else if (share) {
          console.say(
            `${out}.parts: part ${share.index + 1}/${share.count} is done, others are not yet`,
          );
        }
        return;
      }
      const sink = await openCodeSink(model, options.out, { prior });
      const count = createCount(console, set.count, "pictures");
      let [images, pixels] = [0, 0];
      let bytes: number;
      try {
        const pictures = set.pictures((why) => {
          tellLeftOut(console, "unreadable", [why]);
          count.add(1);
        });
        const runs = sameSizes(pictures, (p) => `${p.height} ${p.width}`, codec.batchSize);
        for await (const run of runs) {
          for (const coded of await codec.encode(run)) await sink.add(coded);
          images += run.length;
          pixels += run.length * run[0].height * run[0].width;
          count.add(run.length);
        }
        ({ bytes } = await sink.finish());
      } finally {
        count.stop();
        await sink.discard();
      }
      const seconds = (performance.now() - began) / 1000;
      tellEncoded(console, options.out, { images, pixels, bytes, seconds });
    });
  return withMachineOptions(withPictureOptions(withRdo(command)));
}

/** Says what a file of codes holds. */
function tellEncoded(
  console: Console,
  file: string,
  {
    images,
    pixels,
    bytes,
    seconds,
  }: { images: number; pixels: number; bytes: number; seconds: number },
): void {
  const bitsPerPixel = (8 * bytes) / pixels;
  console.say(
    `${file}: ${amount(images, "image")} in ${grouped(bytes)} bytes, ` +
      `${small(bitsPerPixel)} bits a pixel, ${small(images / seconds)} images/s`,
  );
  console.record("encoded", { file, images, bytes, bitsPerPixel, seconds });
}

/** Parses `3/8`: the third of eight shares. */
function shareOf(text: string): Share {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [];
  if (index && count && index <= count) return { index: index - 1, count };
  throw new InvalidArgumentError("Expected a number of so many, from 1, such as 3/8.");
}
