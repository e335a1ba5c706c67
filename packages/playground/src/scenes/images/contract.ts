export interface ImagesSettings {
  /** The built-in pictures, or those that were dropped in. */
  readonly source: "shapes" | "own";
  readonly quantizer: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Pixels a side for each code. */
  readonly patch: number;
  /** Features of the layers. */
  readonly width: number;
  readonly rate: number;
}

/** Sides of all pictures. */
export const side = 32;
/** Pictures that are looked at: training never sees them. */
export const shownCount = 12;

export type ImagesRow = readonly [
  step: number,
  reconstruction: number,
  commitment: number,
  psnr: number,
  perplexity: number,
];

/** What the model makes of the pictures that are looked at. */
export interface ShownPictures {
  readonly originals: Uint8Array<ArrayBuffer>;
  readonly outputs: Uint8Array<ArrayBuffer>;
  /** `[count, rows, columns, layers]`; of a quantizer without codes there are none. */
  readonly codes: Int32Array<ArrayBuffer>;
  readonly layers: number;
  readonly psnr: number;
  /** Of a `.vq` file of these pictures, and with every code in as many bits as any. */
  readonly bitsAPixel: number;
  readonly plainBits: number;
  /** Codes in use, of all of the first layer. */
  readonly used: number;
  readonly size: number;
}

export interface ImagesSnapshot {
  readonly rows: readonly ImagesRow[];
  readonly shown: ShownPictures;
  readonly pictures: number;
}

/** Pictures from the page, `side` x `side` pixels in red, green and blue. */
export interface OwnPictures {
  readonly count: number;
  readonly pixels: Uint8Array<ArrayBuffer>;
}
