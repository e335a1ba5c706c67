/**
 * Writes parity/features.md: every class, option, argument and method of the reference, and what
 * stands for it here.
 *
 *     npm run features                       writes it
 *     node parity/writeFeatures.mjs --check  compares only; exit code 1 if it is out of date
 *
 * Rows come from features.json, names of options from the tables of our options, proofs from the
 * recorded cases. notes.json says the rest: what differs, what stands for methods and arguments, and
 * which tests prove what no case does.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import {
  meanings,
  needNone,
  writtenAs,
} from "../packages/vector-quantize/dist/options/referenceNames.js";
import { translations } from "../packages/vector-quantize/dist/torch/translations.js";

const at = (path) => new URL(path, import.meta.url);
const read = (path) => JSON.parse(readFileSync(at(path), "utf8"));

const { classes, reference } = read("features.json");
const signatures = read("signatures.json");
const notes = read("notes.json");
const cases = readdirSync(at("cases/"))
  .filter((file) => file.endsWith(".json"))
  .sort()
  .map((file) => read(`cases/${file}`));

const mostNamed = 3; // cases of a row that are named

const camelCase = (name) => name.replace(/_([a-z\d])/g, (_, letter) => letter.toUpperCase());
const code = (text) => `\`${text}\``;

/** What stands here for a constructor option, if something does. */
function optionOf(className, name) {
  const { mapping } = translations.find((known) => known.className === className)?.parts ?? {};
  const own = camelCase(name);
  if (mapping?.options.includes(own)) return code(own);
  const meaning = meanings[name];
  if (!meaning || !mapping?.options.includes(meaning.option)) return undefined;
  const { on, off } = meaning;
  const both = on && off ? [writtenAs(meaning, true), writtenAs(meaning, false)] : [];
  return both.length > 0 ? both.map(code).join(", ") : code(writtenAs(meaning, true));
}

/** Whether a recorded case is about a row. */
function tells(name, { kwargs, steps }, own) {
  const [, argument] = /^forward\((.*)\)$/.exec(name) ?? [];
  const calls = steps.filter(({ method }) => method === "forward");
  if (["x", "z", "logits"].includes(argument)) return calls.length > 0;
  if (argument) return calls.some(({ arguments: given }) => argument in given);
  if (name.startsWith("**")) return Object.keys(kwargs).some((option) => !own.includes(option));
  if (/^\w+$/.test(name)) return name in kwargs;
  const method = name.replace(/\(\)$|^\./g, "");
  return steps.some((step) => step.method === method);
}

/** The cases about a row, those with the fewest other options first. */
function casesOf(className, name, { like = className, cases: named }) {
  if (named) return cases.filter((recorded) => named.includes(recorded.name));
  const own = classes[className];
  const size = ({ kwargs }) => Object.keys(kwargs).length;
  return cases
    .filter((recorded) => recorded.class === like && tells(name, recorded, own))
    .sort(
      (a, b) => size(a) - size(b) || a.name.length - b.name.length || (a.name < b.name ? -1 : 1),
    );
}

/** A row of a class, as its notes, those of the class it is like, and the tables say. */
function rowOf(className, name) {
  const { like, rows = {} } = notes.classes[className] ?? {};
  const alike = like && classes[like].includes(name) && !rows[name] ? rowOf(like, name) : undefined;
  if (alike) {
    const note = alike.state === "different" ? `see ${like}` : alike.note;
    return { ...alike, note };
  }
  const own = { ...(/^\w+$/.test(name) ? {} : notes.common[name]), ...rows[name] };
  const ours = own.ours ?? (/^\w+$/.test(name) ? optionOf(className, name) : undefined);
  const inner = name.endsWith("()") ? "an inner step of its forward" : undefined;
  const note = own.note ?? (ours ? undefined : (needNone[name] ?? inner));
  const about = casesOf(className, name, { like, ...own });
  const proven = about.filter(({ waits }) => !waits);
  const planned = about.length > proven.length && proven.length === 0 && !own.tests;
  const state = planned ? "planned" : (own.state ?? (ours ? "done" : "not applicable"));
  const told = { planned: about, "not applicable": [] }[state] ?? proven;
  const names = told.map((recorded) => recorded.name);
  return { ours: ours ?? "–", state, note, cases: names, tests: own.tests ?? [] };
}

function line(className, name) {
  const { ours, state, note, cases: proven, tests } = rowOf(className, name);
  const more = proven.length - mostNamed;
  const named = proven.slice(0, mostNamed).join(", ") + (more > 0 ? ` and ${more} more` : "");
  const told = [
    note,
    proven.length > 0 && `parity: ${named}`,
    tests.length > 0 && `test: ${tests.join(", ")}`,
  ].filter(Boolean);
  return `| ${code(name)} | ${ours} | ${state} | ${told.join("; ")} |`;
}

/** Whether the reference has no option, argument or rank of the input that says the same. */
function isAlone(className, option) {
  const { rest } = signatures[className];
  const name = option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const there = classes[className].some((row) => row === name || row === `forward(${name})`);
  return !there && option !== "layout" && (!rest?.to || isAlone(rest.to, option));
}

function section(className) {
  const { type, parts } = translations.find((known) => known.className === className) ?? {};
  const { ours = `\`${type}(options)\``, text = [] } = notes.classes[className] ?? {};
  const alone = (parts?.mapping.alone ?? []).filter((option) => isAlone(className, option));
  return [
    `## ${className}`,
    "",
    `Ours: ${ours}.`,
    ...text.flatMap((paragraph) => ["", paragraph]),
    ...(alone.length > 0 ? ["", `Ours alone: ${alone.map(code).join(", ")}.`] : []),
    "",
    "| reference | ours | state | note |",
    "| --- | --- | --- | --- |",
    ...classes[className].map((name) => line(className, name)),
  ].join("\n");
}

const head = `# Features

Every class, option, argument and method of the reference, ${code(reference.package)} ${reference.version},
and what stands for it here. Made by ${code("npm run features")}: see ${code("parity/README.md")}.

States:

- **done**: works and is proven, by recorded cases (${code("parity: ...")}) or by a test (${code("test: ...")}, below
  ${code("packages/vector-quantize/src/")}).
- **different**: works, but not in the reference's form; the note says how.
- **planned**: not there yet; recorded cases wait for it.
- **not applicable**: has no meaning here; the note says why.

${code("option")} is a constructor option, ${code("forward(argument)")} an argument of the forward call, ${code("method()")} a
method, ${code(".property")} a property and ${code(".property =")} its setter. What differs in every class is in
[docs/different-by-design.md](../docs/different-by-design.md).`;

const page = `${[head, ...Object.keys(classes).map(section)].join("\n\n")}\n`;
const file = at("features.md");
if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") === page) process.exit(0);
  console.error("parity/features.md is out of date: npm run features");
  process.exit(1);
}
writeFileSync(file, page);
