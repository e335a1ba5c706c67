import { extname } from "node:path";
import { imageEndings } from "../input/folders.ts";

/**
 * What the PNG files of pictures are called: `a/b.jpg` becomes `a/b.png`, one without a name its number.
 * Where two would be called alike (on disks that know no capitals, too), each keeps its whole name, and
 * its number if that does not part them.
 *
 * @param names in order; undefined for a picture that has none
 */
export function pictureNames(names: readonly (string | undefined)[]): string[] {
  const number = (i: number) => String(i).padStart(5, "0");
  const forms: ((i: number) => string)[] = [
    (i) => withoutEnding(names[i] ?? number(i)),
    (i) => names[i] ?? number(i),
    (i) => `${names[i] ?? "picture"}.${number(i)}`,
  ];
  const chosen = names.map(() => 0);
  const calledAs = (i: number) => forms[chosen[i]!]!(i);
  for (let form = 0; form + 1 < forms.length; form++) {
    const places = new Map<string, number[]>();
    for (const i of names.keys()) {
      const key = calledAs(i).normalize().toLowerCase();
      const others = places.get(key);
      if (others) others.push(i);
      else places.set(key, [i]);
    }
    for (const alike of places.values()) {
      if (alike.length > 1) for (const i of alike) chosen[i] = form + 1;
    }
  }
  return names.map((_, i) => `${calledAs(i)}.png`);
}

function withoutEnding(name: string): string {
  const ending = extname(name);
  return imageEndings.includes(ending.toLowerCase()) ? name.slice(0, -ending.length) : name;
}
