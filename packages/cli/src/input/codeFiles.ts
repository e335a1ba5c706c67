import { extname } from "node:path";
import { openVq, type VqFile, type VqPrior } from "vector-quantize/codes";
import type { CodedPicture } from "../codec/codeShape.ts";
import { type ModelFile, ofImages, ofSounds, type SavedModel } from "../codec/modelFile.ts";
import { modelHash } from "../codec/modelHash.ts";
import { openPriorOf } from "../codec/prior.ts";
import { vqCodes } from "../codec/vqCodes.ts";
import { Failure } from "../failure.ts";
import { decodedNames } from "../output/decodedNames.ts";
import { openInput } from "../output/files.ts";
import { readCodes } from "./codes.ts";

/** A picture to decode, and what its file is to be called. */
export interface CodesToDecode extends CodedPicture {
  readonly file: string;
}

/** Codes of pictures that can be decoded. */
export interface CodeSource extends AsyncDisposable {
  readonly count: number;
  /** Pictures one after another; those that are lost are left out, and `damaged` is told why. */
  pictures(damaged: (why: string) => void): AsyncGenerator<CodesToDecode>;
}

export interface CodeSourceOptions {
  /** The one picture to decode. */
  readonly only?: string;
  /** How many layers of a residual quantizer to decode. */
  readonly layers?: number;
}

/** Opens codes of a model: a `.vq` file, or a `.npy` file. */
export async function openCodes(
  model: SavedModel,
  path: string,
  options: CodeSourceOptions,
): Promise<CodeSource> {
  if (extname(path).toLowerCase() === ".npy") return npyCodes(ofImages(model), path, options);
  const opened = await openVqFile(path);
  try {
    return await vqSource(model, path, opened, options);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** A `.vq` file that is open. */
export interface OpenVqFile {
  /** Without the orders of its codes, which the model has, and its prior: its pictures' names, no codes. */
  readonly file: VqFile;
  withOrders(orders: readonly (Uint32Array | undefined)[], prior?: VqPrior): Promise<VqFile>;
  close(): Promise<void>;
}

export async function openVqFile(path: string): Promise<OpenVqFile> {
  const handle = await openInput(path);
  try {
    return {
      file: await openVq(handle, { where: path }),
      withOrders: (orders, prior) =>
        openVq(handle, { where: path, orders, ...(prior && { prior }) }),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function vqSource(
  model: SavedModel,
  path: string,
  { file: { header }, withOrders, close }: OpenVqFile,
  { only, layers }: CodeSourceOptions,
): Promise<CodeSource> {
  const { perLayer, fromFile, layers: own, orders } = await vqCodes(model);
  const medium = ofSounds(model) ? "sounds" : "pictures";
  const hash = await modelHash(model);
  if (header.model !== undefined && header.model !== hash) {
    throw new Failure(
      `${path}: expected codes of the model ${model.path}, ${short(hash)}, got those of another, ${short(header.model)}`,
    );
  }
  const sizes = (all: readonly { size: number }[]) => all.map(({ size }) => size).join(", ");
  if (sizes(header.layers) !== sizes(own)) {
    throw new Failure(
      `${path}: expected codes of codebooks of ${sizes(own)} codes, as ${model.path} has, got ${sizes(header.layers)}`,
    );
  }
  const { prior: name } = header;
  const prior = name === undefined ? undefined : await openPriorOf(model, { name, file: path });
  const file = await withOrders(orders, prior);
  const take = layers === undefined ? undefined : takenLayers(model, layers) * perLayer;
  const coarse = take === undefined ? {} : { layers: take };
  if (only !== undefined) {
    const number = await file.find(only);
    if (number === undefined) {
      throw new Failure(
        `${path}: expected the name of one of its ${file.count} pictures, got ${only}. vq inspect lists them`,
      );
    }
    return {
      count: 1,
      async *pictures() {
        const picture = await file.picture(number, coarse);
        yield { ...fromFile(picture), file: decodedNames([picture.name], medium)[0] as string };
      },
      [Symbol.asyncDispose]: close,
    };
  }
  return {
    count: file.count,
    async *pictures(damaged) {
      const told = new Set<string>();
      const tell = (why: string) => {
        if (!told.has(why)) damaged(why);
        told.add(why);
      };
      file.damage.forEach(tell);
      // Numbers of pictures whose entries could be read; what is damaged is told of once, by the codes.
      const names: (string | undefined)[] = Array(file.count).fill(undefined);
      for await (const { name, number } of file.entries({ onDamage() {} })) names[number] = name;
      const files = decodedNames(names, medium);
      for (let number = 0; number < file.count; number++) {
        let picture: CodedPicture;
        try {
          picture = fromFile(await file.picture(number, coarse));
        } catch (error) {
          const { name, message } = error as Error;
          if (name !== "VectorQuantizeError") throw error;
          tell(message); // once for a group
          continue;
        }
        yield { ...picture, file: files[number] as string };
      }
    },
    [Symbol.asyncDispose]: close,
  };
}

async function npyCodes(
  model: ModelFile,
  path: string,
  { only, layers }: CodeSourceOptions,
): Promise<CodeSource> {
  for (const [flag, value] of Object.entries({ only, layers })) {
    if (value !== undefined) {
      throw new Failure(`--${flag}: expected a .vq file, got ${path}`);
    }
  }
  const { shape: all, data } = await readCodes(path, model);
  const [count = 0, ...each] = all;
  const shape = each.slice(0, model.model.quantizer.config.type === "hierarchicalVQ" ? 1 : 2);
  const length = data.length / count;
  const files = decodedNames(Array(count).fill(undefined), "pictures");
  return {
    count,
    async *pictures() {
      for (let i = 0; i < count; i++) {
        const codes = data.subarray(i * length, (i + 1) * length);
        yield { shape, codes, file: files[i] as string };
      }
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Throws unless the quantizer has layers that refine one another, and so many. */
function takenLayers({ model, path }: SavedModel, layers: number): number {
  const { config, codebookSizes } = model.quantizer;
  const groups = Math.max(1, (model.quantizer as { groups?: number }).groups ?? 1);
  const most = codebookSizes.length / groups;
  if (!/residual/i.test(config.type)) {
    throw new Failure(
      `--layers: expected a model of a residual quantizer, whose first layers decode coarsely, got ${config.type} (${path})`,
    );
  }
  if (layers > most) {
    throw new Failure(`--layers: expected at most ${most}, as ${path} has, got ${layers}`);
  }
  return layers;
}

const short = (hash: string) => hash.slice(0, 19);
