/**
 * Writes src/describe/comments.ts: what the comments of quantizers and of their options say, for
 * programs, which can't see comments.
 *
 *     npm run comments                                                   writes it
 *     node packages/vector-quantize/scripts/writeComments.mjs --check    compares only
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { quantizerTables } from "../dist/describe/tables.js";

const source = new URL("../src/", import.meta.url);
const files = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !file.includes(".test."))
  .map((file) => readFileSync(new URL(file, source), "utf8"));

const plain = (comment) => comment.replace(/\s*\n\s*\*\s?/g, " ").trim();

/** The comment of each field of each class of options. */
const fields = new Map();
/** The first paragraph of each exported function's comment. */
const functions = new Map();
for (const text of files) {
  for (const [, comment, name] of text.matchAll(
    /\/\*\*((?:(?!\*\/)[\s\S])*?)\*\/\s*\nexport function (\w+)/g,
  )) {
    functions.set(name, plain(comment.split(/\n\s*\*\s*\n/)[0]));
  }
  if (!text.includes("options/kinds.ts")) continue;
  for (const [, name, body] of text.matchAll(/^(?:export )?class (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)) {
    const comments = [
      ...body.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*?)\*\/\s*(?:readonly |override )*(\w+)\??:/g),
    ];
    fields.set(name, new Map(comments.map(([, comment, field]) => [field, plain(comment)])));
  }
}

/** The class and those that it extends, from itself on. */
function* line(own) {
  for (let each = own; each?.name; each = Object.getPrototypeOf(each)) yield each.name;
}

function commentOf({ name: table, classes }, option) {
  for (const own of [...classes].reverse()) {
    for (const name of line(own)) {
      const comment = fields.get(name)?.get(option);
      if (comment) return comment;
    }
  }
  throw new Error(`${table}: no comment for ${option}`);
}

const comments = Object.entries(quantizerTables).map(([type, table]) => [
  type,
  {
    summary: functions.get(type),
    options: Object.fromEntries(
      [...table.declarations.keys()].map((option) => [option, commentOf(table, option)]),
    ),
  },
]);
const page = `// Made by "npm run comments" from the comments of the sources: change those.
// biome-ignore-all format: generated

/** What comments say of a quantizer and of its options. */
export interface Comments {
  readonly summary: string;
  readonly options: Readonly<Record<string, string>>;
}

export const comments: Readonly<Record<string, Comments>> = {
${comments.map(([type, said]) => `  ${type}: ${JSON.stringify(said)},`).join("\n")}
};
`;

const file = new URL("describe/comments.ts", source);
if (!process.argv.includes("--check")) writeFileSync(file, page);
else if (readFileSync(file, "utf8") !== page) {
  console.error("src/describe/comments.ts is out of date: npm run comments");
  process.exitCode = 1;
}
