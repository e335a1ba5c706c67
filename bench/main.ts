import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { CASES } from "./cases.ts";
import { type CaseResult, measure } from "./measure.ts";
import { describeMachine, jsonReport, markdownReport } from "./report.ts";
import { readSettings, USAGE } from "./settings.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const settings = readSettings(process.argv.slice(2), root);
if (settings === undefined) {
  process.stdout.write(USAGE);
} else {
  const chosen = CASES.filter(
    ({ id, quick }) =>
      quick === settings.quick &&
      (settings.cases.length === 0 || settings.cases.some((text) => id.includes(text))),
  );
  const machine = describeMachine(settings.threads);
  const results: CaseResult[] = [];
  for (const benchCase of chosen) {
    settings.log(benchCase.id);
    results.push(await measure(benchCase, settings));
    // After every case, so that a run that is cut short leaves what it has.
    write(`${settings.out}.json`, jsonReport(machine, results));
    write(`${settings.out}.md`, markdownReport(machine, results));
  }
  process.stdout.write(markdownReport(machine, results));
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
