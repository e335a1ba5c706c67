/**
 * Writes the golden files of today's versions of the format, to `test/golden/vq/<version>/`: only those
 * that are not there yet. Version 2 has files that need a prior, and beside each its prior. With Node 24:
 *
 *     npm run build && node test/golden/vq/make.ts
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { trainPrior, vqBytes } from "vector-quantize/codes";
import { vqCases } from "./cases.ts";

function add(name: string, bytes: Uint8Array): void {
  const file = new URL(name, import.meta.url);
  if (existsSync(file)) return;
  mkdirSync(new URL(".", file), { recursive: true });
  writeFileSync(file, bytes);
  console.log(`${name} ${bytes.length} bytes`);
}

for (const [name, { layers, pictures }] of Object.entries(vqCases())) {
  const options = { layers, groupPositions: 512, model: "golden" };
  add(`1/${name}.vq`, await vqBytes(pictures, options));
  const prior = await trainPrior(pictures, { layers, model: "golden" });
  add(`2/${name}.prior.vq`, prior.bytes);
  add(`2/${name}.vq`, await vqBytes(pictures, { ...options, prior }));
}
