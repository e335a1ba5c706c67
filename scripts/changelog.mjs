// The rules of CHANGELOG.md. As a program: prints how a file breaks them, and fails if it does.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const kinds = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];
const version = /^## (\d+)\.(\d+)\.(\d+) - \d{4}-\d{2}-\d{2}$/;

/** What is wrong with a changelog, a line each. */
export function complaints(text) {
  const lines = text.split("\n");
  const headings = lines.filter((line) => line.startsWith("## "));
  const found = [];
  if (lines[0] !== "# Changelog") found.push("expected the first line to be # Changelog");
  headings.forEach((heading, i) => {
    if (heading === "## Unreleased" ? i > 0 : !version.test(heading)) {
      found.push(`expected "## Unreleased" first, then "## 1.2.3 - 2026-01-31", got "${heading}"`);
    }
  });
  const released = headings.filter((heading) => version.test(heading));
  for (let i = 1; i < released.length; i++) {
    if (!isNewer(released[i - 1], released[i])) {
      found.push(
        `expected the newest version first, got "${released[i]}" after "${released[i - 1]}"`,
      );
    }
  }
  for (const [heading, entries] of sections(text)) found.push(...ofSection(heading, entries));
  return found;
}

/** What stands below each heading of a version, without the lines of headings. */
function sections(text) {
  const parts = text.split(/^(?=## )/m).slice(1);
  return parts.map((part) => [part.split("\n", 1)[0], part.slice(part.indexOf("\n") + 1)]);
}

function ofSection(heading, text) {
  const parts = text.split(/^### /m);
  const found = [];
  if (parts[0].trim() !== "") found.push(`${heading}: expected "### Added" or the like first`);
  let last = -1;
  for (const part of parts.slice(1)) {
    const [kind, ...lines] = part.trimEnd().split("\n");
    const place = kinds.indexOf(kind);
    if (place === -1) found.push(`${heading}: expected one of ${kinds.join(", ")}, got "${kind}"`);
    else if (place <= last)
      found.push(`${heading}: expected "${kind}" once, in the order of kinds`);
    last = Math.max(last, place);
    const entries = lines.filter((line) => line !== "");
    if (entries.length === 0) found.push(`${heading}: expected entries under "${kind}"`);
    const stray = entries.find(
      (line, i) => !(line.startsWith("- ") || (i > 0 && line.startsWith("  "))),
    );
    if (stray) found.push(`${heading}: expected an entry "- ...", got "${stray}"`);
  }
  return found;
}

/** Whether one version is newer than another; both as texts that hold three numbers. */
export function isNewer(a, b) {
  const numbers = (text) =>
    text
      .match(/\d+\.\d+\.\d+/)[0]
      .split(".")
      .map(Number);
  const [as, bs] = [numbers(a), numbers(b)];
  const i = as.findIndex((number, i) => number !== bs[i]);
  return i !== -1 && as[i] > bs[i];
}

/** The entries of a version; undefined if it has no section. */
export function entriesOf(text, wanted) {
  return sections(text)
    .find(([heading]) => heading.startsWith(`## ${wanted} - `))?.[1]
    .trim();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const found = complaints(readFileSync(process.argv[2] ?? "CHANGELOG.md", "utf8"));
  for (const complaint of found) console.error(complaint);
  process.exitCode = found.length > 0 ? 1 : 0;
}
