import { extname } from "node:path";
import { createVqWriter, type VqPrior } from "vector-quantize/codes";
import { writeNpy } from "vector-quantize/data";
import { type CodedPicture, codeShape } from "../codec/codeShape.ts";
import type { Codec, SoundModel } from "../codec/modelFile.ts";
import { modelHash } from "../codec/modelHash.ts";
import { vqCodes } from "../codec/vqCodes.ts";
import { Failure, UsageFailure } from "../failure.ts";
import { openFileStream } from "./fileStream.ts";
import { writeFileSafely } from "./files.ts";

/** Takes codes, picture after picture. */
export interface CodeSink {
  add(picture: CodedPicture): Promise<void>;
  /** Ends the file, and tells its bytes. */
  finish(): Promise<{ readonly bytes: number }>;
  /** Removes what is not finished. */
  discard(): Promise<void>;
}

/** What the header of a `.vq` file says where its codes are of sounds. */
export const soundMetadata = ({ sounds: { sampleRate } }: SoundModel) => ({ sampleRate });

/** What a `.vq` file may have besides. */
export interface VqOptions {
  /** What its codes are told from. */
  readonly prior?: VqPrior | undefined;
  /** What its header says. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Codes into a file: `.npy` by its ending, else `.vq`, told from a prior if one is given. */
export async function openCodeSink(
  model: Codec,
  path: string,
  options: VqOptions = {},
): Promise<CodeSink> {
  if (extname(path).toLowerCase() !== ".npy") return vqSink(model, path, options);
  if (options.prior) throw new UsageFailure(`--prior: expected a .vq file to write, got ${path}`);
  return npySink(model, path);
}

/** Codes as a `.vq` file would hold them, given to `write`. */
export async function vqInto(
  model: Codec,
  write: (bytes: Uint8Array) => unknown,
  { prior, metadata }: VqOptions = {},
): Promise<Omit<CodeSink, "discard">> {
  const { layers, toFile } = await vqCodes(model);
  const writer = createVqWriter(
    {
      layers,
      quantizer: { type: model.model.quantizer.config.type }, // the model has its options
      model: await modelHash(model),
      storeOrders: false, // whoever decodes has the model
      ...(prior && { prior }),
      ...(metadata && { metadata }),
    },
    write,
  );
  return {
    add: (picture) => writer.add(toFile(picture)),
    finish: () => writer.finish(),
  };
}

async function vqSink(model: Codec, path: string, options: VqOptions): Promise<CodeSink> {
  const stream = await openFileStream(path);
  try {
    const { add, finish } = await vqInto(model, (bytes) => stream.write(bytes), options);
    return {
      add,
      async finish() {
        const written = await finish();
        await stream.finish();
        return written;
      },
      discard: () => stream.discard(),
    };
  } catch (error) {
    await stream.discard();
    throw error;
  }
}

/** One array of all codes: pictures of one size, without their names. */
function npySink({ model }: Codec, path: string): CodeSink {
  const all: Int32Array[] = [];
  let wanted: string | undefined;
  let shape: readonly number[] = [];
  return {
    async add(picture) {
      const { codes, name = `picture ${all.length}` } = picture;
      wanted ??= String(picture.shape);
      if (String(picture.shape) !== wanted) {
        throw new Failure(
          `${path}: expected pictures of one size, whose codes a .npy file can hold, got [${wanted}] and [${picture.shape}] codes (${name}). Write a .vq file, or give --size`,
        );
      }
      shape = picture.shape;
      all.push(codes);
    },
    async finish() {
      const each = all[0]?.length ?? 0;
      const data = new Int32Array(all.length * each);
      for (const [i, codes] of all.entries()) data.set(codes, i * each);
      const { perVector } = codeShape(model.quantizer);
      const bytes = writeNpy({ shape: [all.length, ...shape, ...perVector], data });
      await writeFileSafely(path, bytes);
      return { bytes: bytes.length };
    },
    async discard() {},
  };
}
