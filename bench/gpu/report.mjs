/** The table of `run.sh`, from the results of its sides. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { data: { type: "string" }, out: { type: "string" } } });
const textOf = (name) => readFileSync(`${values.data}/${name}`, "utf8").trim();
const linesOf = (side) => {
  const path = `${values.data}/${side}.json`;
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
};
const [ours, peers] = [linesOf("ours"), linesOf("peers")];
const all = [...ours, ...peers];
const ids = [...new Set(all.map(({ id }) => id).filter(Boolean))];
const time = (ms) => (ms < 10 ? `${ms.toFixed(2)} ms` : `${Math.round(ms)} ms`);

const rows = ids.flatMap((id) => {
  const own = ours.find((line) => line.id === id && line.ms !== undefined);
  return all
    .filter((line) => line.id === id && (line.ms !== undefined || line.skip))
    .map(({ side, ms, skip }) => {
      const ratio = own && ms !== undefined && side !== own.side ? (ms / own.ms).toFixed(2) : "";
      return `| ${id} | ${side} | ${skip ?? time(ms)} | ${ratio} |`;
    });
});
const checks = ours
  .filter(({ wrong }) => wrong !== undefined)
  .map(({ id, open, wrong, of }) => `| ${id} | ${(100 * open).toFixed(3)} % | ${wrong} of ${of} |`);
const versions = all.filter(({ id }) => id === undefined).map((line) => JSON.stringify(line));

writeFileSync(
  values.out,
  `# On a graphics card

${textOf("card.txt")}; commit ${textOf("commit.txt")}; ${new Date().toISOString().slice(0, 10)}.

${versions.map((line) => `- \`${line}\``).join("\n")}

Written by \`bench/gpu/run.sh\`. Medians of up to 30 calls after one that warms up, until the answer lies on the
card; ours with the rows that the device leaves open, which the CPU decides. The peers have float32 products
(no TF32).

| case | side | time | peer / ours |
|---|---|---|---|
${rows.join("\n")}

Rows that the device left open, and codes other than the exact search's on the CPU, of the first vectors:

| case | open | other codes |
|---|---|---|
${checks.join("\n")}
`,
);
console.log(`${values.out} is written`);
