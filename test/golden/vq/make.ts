/**
 * Writes the golden files of this version of the format, to `test/golden/vq/<version>/`: only those
 * that are not there yet. With Node 24:
 *
 *     npm run build && node test/golden/vq/make.ts
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { vqBytes } from "vector-quantize/codes";
import { vqCases } from "./cases.ts";

const folder = new URL("1/", import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [name, { layers, pictures }] of Object.entries(vqCases())) {
  const file = new URL(`${name}.vq`, folder);
  const bytes = await vqBytes(pictures, { layers, groupPositions: 512, model: "golden" });
  if (existsSync(file)) continue;
  writeFileSync(file, bytes);
  console.log(`${name}.vq ${bytes.length} bytes`);
}
