import type { SceneSettings } from "../engine/protocol.ts";
import type { Scene } from "../scenes/scene.ts";

/** What a link opens: a scene, and where its settings are not the usual ones. */
export interface Place {
  readonly scene: string;
  readonly settings: SceneSettings;
}

/** `#/commitment?weight=0.25&options.decay=0.9`: short, readable, and whole. */
export function linkOf(scene: string, settings: SceneSettings, defaults: SceneSettings): string {
  const words = [...entriesOf(settings, defaults)].map(
    ([name, value]) => `${name}=${encodeURIComponent(textOf(value))}`,
  );
  return `#/${scene}${words.length > 0 ? `?${words.join("&")}` : ""}`;
}

/** The place that a link means; what it does not say is as usual. */
export function placeOf(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?");
  const settings: Record<string, unknown> = {};
  for (const [name, text] of new URLSearchParams(query)) {
    const [outer = "", inner] = name.split(".", 2);
    if (forbidden.has(outer) || (inner && forbidden.has(inner))) continue;
    if (inner === undefined) settings[outer] = readValue(text);
    else settings[outer] = { ...Object(settings[outer]), [inner]: readValue(text) };
  }
  return { scene: path, settings };
}

const forbidden = new Set(["__proto__", "constructor", "prototype"]);

function* entriesOf(
  settings: SceneSettings,
  defaults: SceneSettings,
): Generator<[string, unknown]> {
  for (const [name, value] of Object.entries(settings)) {
    const usual = defaults[name];
    if (isRecord(value)) {
      for (const [inner, each] of Object.entries(value)) {
        if (!same(each, isRecord(usual) ? usual[inner] : undefined))
          yield [`${name}.${inner}`, each];
      }
    } else if (!same(value, usual)) yield [name, value];
  }
}

const isRecord = (value: unknown): value is SceneSettings =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** Words as they are; everything else, and words that look like something else, as JSON. */
const textOf = (value: unknown): string =>
  typeof value === "string" && readValue(value) === value ? value : JSON.stringify(value);

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** SceneSettings as a link gave them, over the usual ones; what no scene has is left out. */
export function withDefaults(given: SceneSettings, defaults: SceneSettings): SceneSettings {
  const known = Object.entries(given).filter(([name]) => Object.hasOwn(defaults, name));
  const merged = known.map(([name, value]) => {
    const usual = defaults[name];
    if (isRecord(usual) !== isRecord(value)) return [name, usual];
    return [name, isRecord(usual) ? { ...usual, ...(value as SceneSettings) } : value];
  });
  return { ...defaults, ...Object.fromEntries(merged) };
}

type Usual = Pick<Scene, "defaults" | "kinds">;

/** What a link leaves out: the options are those of the quantizer that the settings have. */
export function usualIn({ defaults, kinds }: Usual, { quantizer }: SceneSettings): SceneSettings {
  const name = `${quantizer ?? defaults.quantizer}`;
  return kinds && Object.hasOwn(kinds, name)
    ? { ...defaults, options: kinds[name]?.options }
    : defaults;
}

/** The settings of a scene that a link gives; of a quantizer that is not offered, the usual ones. */
export function settingsIn(scene: Usual, given: SceneSettings): SceneSettings {
  const settings = withDefaults(given, usualIn(scene, given));
  const offered = !scene.kinds || Object.hasOwn(scene.kinds, `${settings.quantizer}`);
  return offered ? settings : scene.defaults;
}
