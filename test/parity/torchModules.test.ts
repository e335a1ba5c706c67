/** Every class of the reference with each of its options: here, and back into PyTorch itself. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import {
  readSafetensors,
  saveSafetensors,
  toHost,
} from "../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import { fromTorch, toTorch } from "../../packages/vector-quantize/src/torch/fromTorch.ts";
import { translations } from "../../packages/vector-quantize/src/torch/translations.ts";
import { type Kwargs, type Tensors, tensor } from "./cases.ts";
import { expectSame } from "./compare.ts";
import { onDevice } from "./lookupFree/torch.ts";
import { withOwnObjects } from "./ownObjects.ts";

interface Told {
  readonly class: string;
  readonly kwargs: Kwargs;
  readonly layout?: "image";
}

const python = process.env.VQ_PYTHON;
const script = (name: string) => fileURLToPath(new URL(`../../parity/${name}`, import.meta.url));

describe.skipIf(!python)("PyTorch itself (VQ_PYTHON names a Python that has it)", () => {
  it("is loaded and loads again with the same output, whatever the options", async () => {
    const folder = mkdtempSync(join(tmpdir(), "modules-"));
    const back = mkdtempSync(join(tmpdir(), "modules-"));
    try {
      runPython("torch_modules.py", folder);
      const names = readdirSync(folder)
        .filter((name) => name.endsWith(".json"))
        .map((name) => basename(name, ".json"));
      const loaded = new Set<string>();
      const failures: string[] = [];
      for (const name of names) {
        try {
          loaded.add(await thereAndBack(folder, back, name));
        } catch (error) {
          failures.push(`${name}: ${(error as Error).message}`);
        }
      }
      expect(failures).toEqual([]);
      expect([...loaded].sort()).toEqual(translations.map(({ className }) => className).sort());
      runPython("torch_check.py", back);
      for (const name of names) {
        const theirs = await read(join(back, `${name}.theirs.safetensors`), "eval/");
        const first = await read(join(folder, `${name}.safetensors`), "eval/");
        const { kwargs }: Told = JSON.parse(readFileSync(join(back, `${name}.json`), "utf8"));
        // Theirs is noised in evaluation too with `diveq`.
        const drawn = kwargs.diveq === true ? ["loss", "quantized"] : ["loss"];
        for (const part of Object.keys(first).filter((own) => !drawn.includes(own))) {
          expectSame(`${name}, back: ${part}`, tensor(theirs, part), tensor(first, part));
        }
      }
      console.log(`${names.length} modules of ${loaded.size} classes`);
    } finally {
      for (const path of [folder, back]) rmSync(path, { recursive: true });
    }
  }, 600_000);

  function runPython(name: string, folder: string): void {
    const { status, stderr } = spawnSync(python as string, [script(name), folder], {
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
  }
});

async function read(path: string, prefix: string): Promise<Tensors> {
  const all = await toHost(readSafetensors(readFileSync(path)).tensors);
  return Object.fromEntries(
    Object.entries(all)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, own]) => [name.slice(prefix.length), own]),
  );
}

/** Compares what ours puts out with what theirs did, and writes what `toTorch` makes of it. */
async function thereAndBack(folder: string, back: string, name: string): Promise<string> {
  const told: Told = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
  const path = join(folder, `${name}.safetensors`);
  const [state, seen, x] = await Promise.all([
    read(path, "state/"),
    read(path, "eval/"),
    read(path, "x"),
  ]);
  const input = onDevice({ x: tensor(x, "") }).x as never;
  const { quantizer, variables } = fromTorch(
    told.class,
    withOwnObjects(told.kwargs),
    onDevice(state),
    told.layout && { layout: told.layout },
  );
  const { quantized, indices, ...rest } = quantizer.apply(tree.ref(variables as never), input);
  tree.dispose(rest as never);
  const ours = await toHost({ quantized, indices });
  for (const part of Object.keys(seen).filter((own) => own !== "loss")) {
    const where = `${name} ${JSON.stringify(told.kwargs)}: ${part}`;
    expectSame(where, tensor(ours, part), tensor(seen, part));
  }
  const { className, kwargs, tensors, dropped } = toTorch(quantizer, variables);
  expect(className).toBe(told.class);
  expect(Object.keys(tensors).sort(), name).toEqual(Object.keys(state).sort());
  for (const what of dropped) {
    expect(what, name).toMatch(/optimizer|share one module|refuses it in training/);
  }
  const written = Object.entries(tensors).map(([key, array]) => [`state/${key}`, array]);
  const again = onDevice({ x: tensor(x, "") });
  const bytes = await saveSafetensors({ ...Object.fromEntries(written), ...again });
  writeFileSync(join(back, `${name}.safetensors`), bytes);
  // Objects of the user's own are what they were in Python.
  const objects = Object.keys(kwargs).filter((key) => Object.hasOwn(Object(kwargs[key]), "name"));
  const described = Object.fromEntries(objects.map((key) => [key, told.kwargs[key]]));
  const json = { class: className, kwargs: { ...kwargs, ...described }, training: false };
  writeFileSync(join(back, `${name}.json`), JSON.stringify(json));
  return told.class;
}
