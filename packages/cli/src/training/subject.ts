import { Failure, UsageFailure } from "../failure.ts";
import { checkSides } from "../input/images.ts";
import type { Console } from "../output/console.ts";
import type { PictureSize } from "../output/pictures.ts";
import type { TrainingData } from "./data.ts";
import type { Judge } from "./judge.ts";
import { openPictureData } from "./openPictureData.ts";
import { pictureJudge } from "./pictureJudge.ts";
import type { Settings } from "./settings.ts";
import { openSoundData } from "./sound/openSoundData.ts";
import { soundJudge } from "./sound/soundJudge.ts";

/** What a run is of: pictures or sounds. */
export interface Subject {
  readonly data: TrainingData;
  /** What it is, in words. */
  readonly words: string;
  /** The settings with what the data made of them. Throws if they don't go together. */
  readonly settings: Settings;
  judge(items: Uint32Array, validation: Uint32Array): Promise<Judge>;
}

/** Opens what the user named, and says what is left out. */
export async function openSubject(asked: Settings, console: Console): Promise<Subject> {
  return asked.medium === "sounds" ? ofSounds(asked, console) : ofPictures(asked, console);
}

async function ofPictures(asked: Settings, console: Console): Promise<Subject> {
  const data = await openPictureData(asked, console);
  const settings = { ...asked, ...data.chosen };
  checkSides(settings.data, data.size, settings.patch);
  checkScales(settings, data.size);
  return {
    data,
    settings,
    words: `${data.words}, ${data.size.channels === 1 ? "grey" : "colour"}`,
    async judge(items, validation) {
      const judge = await pictureJudge(data, settings.patch, items, validation);
      if (judge.count > 0) return judge;
      throw new Failure(`${settings.data}: expected a readable image to judge by, got none`);
    },
  };
}

async function ofSounds(asked: Settings, console: Console): Promise<Subject> {
  const data = await openSoundData(asked, console);
  const settings = { ...asked, ...data.chosen };
  return {
    ...{ data, settings, words: data.words },
    async judge(items, validation) {
      const judge = await soundJudge(data, settings.causal, items, validation);
      if (judge.count > 0) return judge;
      throw new Failure(`${settings.data}: expected a readable sound to judge by, got none`);
    },
  };
}

/** Throws unless the last map of a quantizer of several scales is the encoder's. */
function checkScales({ quantizer: { type, scales }, patch }: Settings, images: PictureSize): void {
  if (type !== "hierarchicalVQ") return;
  const { height, width } = images;
  const last = (scales as readonly number[]).at(-1);
  if (height === width && last === height / patch) return;
  throw new UsageFailure(
    `--scales: expected to end with ${width / patch}, the side of ${width} x ${height} images in ` +
      `patches of ${patch}, got ${last}${height === width ? "" : ". It takes squares alone"}`,
  );
}
