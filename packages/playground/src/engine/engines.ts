import type { OpenEngine } from "./engine.ts";

/** The engines, each fetched when its scene is first opened. */
const engines: Readonly<Record<string, () => Promise<OpenEngine>>> = {
  codebook: () => import("../scenes/codebook/engine.ts").then((of) => of.openCodebook),
  commitment: () => import("../scenes/commitment/engine.ts").then((of) => of.openCommitment),
  images: () => import("../scenes/images/engine.ts").then((of) => of.openImages),
  speech: () => import("../scenes/speech/engine.ts").then((of) => of.openSpeech),
  models: () => import("../scenes/models/engine.ts").then((of) => of.openModels),
  levels: () => import("../scenes/levels/engine.ts").then((of) => of.openLevels),
};

/** Scenes with so much to compute that a graphics card is worth its way. */
export const heavyScenes: ReadonlySet<string> = new Set(["images", "speech"]);

/** The engine of a scene. */
export function loadEngine(scene: string): Promise<OpenEngine> {
  const load = Object.hasOwn(engines, scene) ? engines[scene] : undefined;
  if (!load) throw new Error(`There is no scene "${scene}".`);
  return load();
}
