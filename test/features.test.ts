/** parity/features.md is current, complete and true: what it calls done is proven by what it names. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = new URL("../", import.meta.url);
const sources = new URL("packages/vector-quantize/src/", root);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

const states = ["done", "different", "planned", "not applicable"];

interface Row {
  /** The reference's name, as parity/features.py writes it. */
  name: string;
  ours: string;
  state: string;
  note: string;
}

interface Notes {
  readonly common: Record<string, object>;
  readonly classes: Record<string, { rows?: Record<string, { cases?: string[] }> }>;
}

/** The table below each `## Class` heading. */
function tables(markdown: string): Map<string, Row[]> {
  const found = new Map<string, Row[]>();
  let rows: Row[] = [];
  for (const line of markdown.split("\n")) {
    const heading = /^## (\w+)$/.exec(line)?.[1];
    if (heading) {
      rows = [];
      found.set(heading, rows);
    }
    if (!line.startsWith("|")) continue;
    const cells = line.slice(1, -1).split("|");
    const [name = "", ours = "", state = "", note = ""] = cells.map((cell) => cell.trim());
    if (name === "reference" || /^-+$/.test(name)) continue;
    expect(cells.length, `cells of ${line}`).toBe(4);
    expect(name, `first cell of ${line}`).toMatch(/^`[^`]+`$/);
    rows.push({ name: name.slice(1, -1), ours, state, note });
  }
  return found;
}

/** What a note names after `parity:` or `test:`, up to the next semicolon, but for "and 3 more". */
function named(note: string, kind: "parity" | "test"): string[] {
  const list = new RegExp(`(?:^|; )${kind}: ([^;]+)`).exec(note)?.[1];
  return list?.split(",").map((name) => name.replace(/ and \d+ more$/, "").trim()) ?? [];
}

const written = tables(read("parity/features.md"));
const { classes } = JSON.parse(read("parity/features.json")) as {
  classes: Record<string, string[]>;
};
const cases = new Set(
  readdirSync(new URL("parity/cases/", root))
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length)),
);
const waits = (name: string) => "waits" in JSON.parse(read(`parity/cases/${name}.json`));

it("is what the tables, the cases and the notes give", () => {
  const script = fileURLToPath(new URL("parity/writeFeatures.mjs", root));
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect(status, stderr).toBe(0);
});

it("has no note of what the reference does not have, nor of a case that was not recorded", () => {
  const notes = JSON.parse(read("parity/notes.json")) as Notes;
  const rows = Object.values(classes).flat();
  const unknown = Object.keys(notes.common).filter((name) => !rows.includes(name));
  for (const [className, { rows: own = {} }] of Object.entries(notes.classes)) {
    unknown.push(...Object.keys(own).filter((name) => !classes[className]?.includes(name)));
    const named = Object.values(own).flatMap((row) => row.cases ?? []);
    unknown.push(...named.filter((name) => !cases.has(name)));
  }
  expect(unknown).toEqual([]);
});

describe.each(Object.keys(classes))("parity/features.md, %s", (className) => {
  const rows = written.get(className) ?? [];

  it("has one row for everything that the reference has, in its order", () => {
    expect(rows.map(({ name }) => name)).toEqual(classes[className]);
  });

  it("gives each row a state, and what stands for it here", () => {
    for (const { name, ours, state, note } of rows) {
      expect(states, `state of ${name}`).toContain(state);
      const bare = state === "planned" || state === "not applicable";
      expect(ours, `our name of ${name}`).toMatch(bare ? /./ : /`.+`/);
      if (state === "different" || state === "not applicable") {
        expect(note, `note of ${name}`).not.toBe("");
      }
    }
  });

  it("names parity cases and tests that exist", () => {
    for (const { name, note } of rows) {
      for (const parity of named(note, "parity")) {
        expect(cases, `parity case of ${name}`).toContain(parity);
      }
      for (const file of named(note, "test")) {
        expect(existsSync(new URL(file, sources)), `test ${file} of ${name}`).toBe(true);
      }
    }
  });

  it("proves what it calls done, by cases that do not wait", () => {
    for (const { name, state, note } of rows) {
      if (state !== "done" && state !== "different") continue;
      const parity = named(note, "parity");
      expect(parity.length + named(note, "test").length, `proofs of ${name}`).toBeGreaterThan(0);
      expect(parity.filter(waits), `waiting cases of ${name}`).toEqual([]);
    }
  });

  it("calls planned what cases wait for", () => {
    for (const { name, state, note } of rows) {
      if (state !== "planned") continue;
      for (const parity of named(note, "parity")) {
        expect(waits(parity), `${parity}, named by ${name}, waits`).toBe(true);
      }
    }
  });
});

it("has no table of a class that the reference does not have", () => {
  const unknown = [...written].filter(([name, rows]) => rows.length > 0 && !(name in classes));
  expect(unknown.map(([name]) => name)).toEqual([]);
});
