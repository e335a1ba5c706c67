import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { quantizerFromConfig } from "../quantizers/registry.ts";
import { describeQuantizer, quantizerTypes } from "./quantizers.ts";

const script = fileURLToPath(new URL("../../scripts/writeComments.mjs", import.meta.url));

describe("descriptions", () => {
  it("are those of the comments", () => {
    const { status, stderr } = spawnSync(process.execPath, [script, "--check"], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(status).toBe(0);
  });

  it("know every quantizer that a configuration can name", () => {
    let message = "";
    try {
      quantizerFromConfig({ type: "?" });
    } catch (error) {
      message = (error as Error).message;
    }
    const listed = /expected one of (.*), got/.exec(message)?.[1]?.split(", ");
    expect([...quantizerTypes].sort()).toEqual(listed?.sort());
  });

  it.each(quantizerTypes)("%s: a sentence for itself and for each option", (type) => {
    const { summary, options } = describeQuantizer(type);
    expect(summary).toMatch(/^[A-Z].*[.:]/);
    for (const { text } of options) expect(text).toMatch(/^\S.*\.$/);
  });

  it("tells kinds, defaults, choices and the reference's names", () => {
    const { reference, options } = describeQuantizer("vectorQuantize");
    const named = (name: string) => options.find((option) => option.name === name);
    expect(reference).toBe("VectorQuantize");
    expect(named("codebookSize")).toMatchObject({ kind: "number", required: true });
    expect(named("decay")).toMatchObject({ fallback: 0.8, required: false });
    expect(named("metric")).toMatchObject({
      choices: ["euclidean", "cosine"],
      reference: ["use_cosine_sim"],
    });
    expect(named("gradient")?.reference).toContain("rotation_trick");
    expect(named("vqBridge")).toMatchObject({ own: true, kind: "object" });
    expect(named("codebookSize")?.reference).toEqual(["codebook_size"]);
  });

  it("refuse what is none, and ask for what was meant", () => {
    expect(() => describeQuantizer("residualFsp")).toThrow(/Did you mean residualFSQ\?/);
    expect(() => describeQuantizer("toString")).toThrow(/quantizer type: expected one of/);
  });
});
