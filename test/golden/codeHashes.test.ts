/** The codes of this release, on this engine; pages, Deno and Bun have tests of their own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as jax from "@jax-js/jax";
import { expect, test } from "vitest";
import * as library from "../../packages/vector-quantize/src/entrances/node/index.ts";
import { packageRoot } from "../support/paths.ts";
import recorded from "./codeHashes.json" with { type: "json" };
import { codeHashes } from "./codeHashes.mjs";

const { version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));

test("codes are those of the table", async () => {
  expect(await codeHashes(library, jax)).toEqual(recorded[version as keyof typeof recorded]);
});
