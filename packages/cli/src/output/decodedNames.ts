import { extname } from "node:path";
import { isNamedAs, type Medium } from "../input/folders.ts";

const ending = { pictures: "png", sounds: "wav" } as const;

/**
 * What the files of decoded pictures or sounds are called: `a/b.jpg` becomes `a/b.png`, one without a name
 * its number. Where two would be called alike (on disks that know no capitals, too), each keeps its whole
 * name, and its number if that does not part them.
 *
 * @param names in order; undefined for one that has none
 */
export function decodedNames(names: readonly (string | undefined)[], medium: Medium): string[] {
  const number = (i: number) => String(i).padStart(5, "0");
  const forms: ((i: number) => string)[] = [
    (i) => withoutEnding(names[i] ?? number(i), medium),
    (i) => names[i] ?? number(i),
    (i) => `${names[i] ?? medium.slice(0, -1)}.${number(i)}`,
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
  return names.map((_, i) => `${calledAs(i)}.${ending[medium]}`);
}

const withoutEnding = (name: string, medium: Medium) =>
  isNamedAs(medium, name) ? name.slice(0, -extname(name).length) : name;
