/** Settings of the form for a file of PyTorch; the files themselves are in no link. */
export interface ModelsSettings {
  readonly className: string;
  /** Constructor options as JSON, under Python's names. */
  readonly kwargs: string;
  /** Where the module stands in its network. */
  readonly prefix: string;
}

export interface NamedFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What a model is made for. */
export type ModelMedium = "pictures" | "sounds" | "vectors";

export interface OpenedModel {
  readonly file: string;
  readonly medium: ModelMedium;
  readonly type: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly dim: number;
  readonly codebookSizes: readonly number[];
  /** Numbers in its arrays. */
  readonly numbers: number;
  /** PicturePixels a side for each code, of a model of pictures. */
  readonly patch?: number;
  readonly channels?: number;
  /** Samples a second, of a model of sounds. */
  readonly rate?: number;
}

/** A state_dict that waits for its class. */
export interface OpenedTensors {
  readonly file: string;
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** What its names look like. */
  readonly guess?: ModelsSettings;
}

export interface OpenedCodes {
  readonly file: string;
  readonly count: number;
  readonly bytes: number;
  readonly layers: readonly number[];
  readonly of?: string;
  readonly prior?: string;
  readonly damage: readonly string[];
}

export interface ModelsSnapshot {
  readonly model?: OpenedModel;
  readonly tensors?: OpenedTensors;
  readonly codes?: OpenedCodes;
}

export interface PicturePixels {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue, row by row. */
  readonly rgb: Uint8Array<ArrayBuffer>;
}

/** A picture that has been encoded and decoded again. */
export interface CodedPixels {
  readonly original?: PicturePixels;
  readonly output: PicturePixels;
  readonly name?: string;
  readonly codes: Int32Array<ArrayBuffer>;
  /** Codes down and across. */
  readonly shape: readonly [number, number];
  readonly layers: number;
  /** The `.vq` file of it alone. */
  readonly file: Uint8Array<ArrayBuffer>;
  readonly psnr?: number;
  /** The beginning of the SHA-256 of the codes, int32 one after another. */
  readonly digest: string;
}

export interface CodedVectors {
  readonly count: number;
  readonly layers: number;
  readonly codes: Int32Array<ArrayBuffer>;
  readonly file: Uint8Array<ArrayBuffer>;
  readonly error: number;
  readonly used: readonly number[];
  readonly digest: string;
}

/** A sound that has been encoded and decoded again, at the model's rate. */
export interface CodedSound {
  readonly original?: Float32Array<ArrayBuffer>;
  readonly output: Float32Array<ArrayBuffer>;
  readonly name?: string;
  readonly file: Uint8Array<ArrayBuffer>;
  readonly digest: string;
}
