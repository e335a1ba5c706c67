/** CHANGELOG.md keeps its rules, and the release script sees what is missing. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { root } from "./support/paths.ts";

const folder = mkdtempSync(join(tmpdir(), "release-"));
afterAll(() => rmSync(folder, { recursive: true }));

function run(program: string, ...args: string[]): { status: number | null; text: string } {
  const result = spawnSync(program, args, { cwd: folder, encoding: "utf8" });
  return { status: result.status, text: result.stdout + result.stderr };
}

describe("the changelog", () => {
  const check = (file: string) => run(process.execPath, join(root, "scripts/changelog.mjs"), file);

  test("keeps its rules", () => {
    expect(check(join(root, "CHANGELOG.md"))).toEqual({ status: 0, text: "" });
  });

  const head = "# Changelog\n\nWords.\n\n";
  test.each([
    ["Changelog\n", "first line"],
    [`${head}## 1.0\n`, '"## 1.2.3 - 2026-01-31", got "## 1.0"'],
    [`${head}## 1.0.0 - 2026-01-01\n\n## Unreleased\n`, '"## Unreleased" first'],
    [`${head}## 1.9.0 - 2026-01-01\n\n## 1.10.0 - 2026-01-02\n`, "newest version first"],
    [`${head}## Unreleased\n\n- Words.\n`, '"### Added" or the like'],
    [`${head}## Unreleased\n\n### Extras\n\n- Words.\n`, 'got "Extras"'],
    [`${head}## Unreleased\n\n### Fixed\n\n- A.\n\n### Added\n\n- B.\n`, "order of kinds"],
    [`${head}## Unreleased\n\n### Added\n`, 'entries under "Added"'],
    [`${head}## Unreleased\n\n### Added\n\nWords.\n`, 'got "Words."'],
  ])("%j breaks them", (text, complaint) => {
    writeFileSync(join(folder, "wrong.md"), text);
    const { status, text: said } = check("wrong.md");
    expect(said).toContain(complaint);
    expect(status).toBe(1);
  });
});

describe("the release script", () => {
  const git = (...args: string[]) =>
    run("git", "-c", "user.name=a", "-c", "user.email=a@example.com", ...args);
  const release = (version: string) => run(process.execPath, "scripts/release.mjs", version);
  const files = [
    "CHANGELOG.md",
    "packages/cli/package.json",
    "packages/onnx/package.json",
    "packages/vector-quantize/package.json",
  ];

  beforeEach(() => {
    for (const file of [...files, "scripts"]) {
      cpSync(join(root, file), join(folder, file), { recursive: true });
    }
    writeFileSync(join(folder, ".gitignore"), "wrong.md\n");
    git("init", "--quiet");
    git("add", ".");
    git("commit", "--quiet", "--message", "A tree");
  });

  test("wants a section for the version", () => {
    const { status, text } = release("99.0.0");
    expect(text).toContain('expected a section "## 99.0.0 - <date>" with entries');
    expect(status).toBe(1);
  });

  test("tells what it would release, and changes nothing", () => {
    const section = "## 99.0.0 - 2099-01-01\n\n### Added\n\n- A thing.\n";
    writeFileSync(join(folder, "CHANGELOG.md"), `# Changelog\n\n${section}`);
    expect(release("99.0.0").text).toContain("expected a clean tree");
    git("commit", "--quiet", "--all", "--message", "A section");
    const { status, text } = release("99.0.0");
    expect(text).toContain("- A thing.");
    expect(text).toContain("Nothing was changed");
    expect(status).toBe(0);
    expect(git("status", "--porcelain").text).toBe("");
  });

  test("wants a newer version and no tag", () => {
    expect(release("0.0.1").text).toContain("got 0.0.1");
    git("tag", "v99.0.0");
    expect(release("99.0.0").text).toContain("expected no tag v99.0.0");
  });
});
