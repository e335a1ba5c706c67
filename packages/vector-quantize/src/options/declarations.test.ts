/** What the compiler cannot hold of the classes of options: comments, defaults in prose, and `?`. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../../test/support/paths.ts";

const source = join(packageRoot, "src");
const field =
  /(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*)?\n {2}(?:readonly |override )*(\w+)(\??): [^=;]+?\s=\s+(\w+)(?:<[^;]*?>)?\(([\s\S]*?)\);(?=\n)/g;

interface Field {
  file: string;
  name: string;
  comment: string;
  optional: boolean;
  kind: string;
  arguments: string;
}

/** Every declaration: a field of a class whose value is a call of one of `kinds.ts`. */
function fieldsOf(file: string): Field[] {
  const text = readFileSync(join(source, file), "utf8");
  if (!text.includes("options/kinds.ts")) return [];
  return [...text.matchAll(field)].map(
    ([, comment = "", name = "", mark, kind = "", given = ""]) => ({
      file,
      name,
      comment: comment.replace(/\s*\n\s*\*\s*/g, " "),
      optional: mark === "?",
      kind,
      arguments: given.trim(),
    }),
  );
}

/** The default as it is written, if it is a plain value. */
function literal({ kind, arguments: given }: Field): string | undefined {
  const last = /(?:^|,)\s*("[^"]*"|[\w.+-]+)\s*,?$/.exec(given)?.[1];
  const written = kind === "choice" || kind === "declared" ? last : given.split(",")[0];
  return written?.match(/^("[^"]*"|true|false|[\d.]+(?:e-?\d+)?)$/) ? written : undefined;
}

const files = readdirSync(source, { recursive: true, encoding: "utf8" });
const all = files
  .filter((file) => file.endsWith(".ts") && !file.includes(".test."))
  .flatMap(fieldsOf);

describe("the declarations of options", () => {
  it("are found", () => expect(all.length).toBeGreaterThan(120));

  it.each(all.map((each) => [`${each.file}: ${each.name}`, each] as const))("%s", (_, each) => {
    expect(each.comment).toMatch(/^\/\*\* \S/);
    const required = /^(undefined\b.*|check\w+|)$/.test(each.arguments);
    if (each.kind !== "named") expect(each.optional).toBe(!required);
    const value = literal(each);
    if (value === undefined || each.kind === "named") return;
    const prose = /Default:? [`"]?(\d+(?:\.\d+)?(?:e-?\d+)?|\w+)/.exec(each.comment)?.[1];
    expect(prose).toBe(value.replaceAll('"', ""));
  });
});
