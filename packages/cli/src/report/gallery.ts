import { htmlText } from "./chart.ts";

/** A picture and its reconstruction, as image files. */
export interface Comparison {
  /** What the picture is called: a relative path, or its number. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Of the whole picture, if this is its middle. */
  readonly of: { readonly width: number; readonly height: number };
  /** In dB. */
  readonly psnr: number;
  /** WebP. */
  readonly original: Uint8Array;
  readonly reconstruction: Uint8Array;
}

/** Small pictures are drawn enlarged, by whole numbers, up to about this width. */
const smallest = 170;

/** Pictures over their reconstructions, each with a slider that moves the line between them. */
export function gallery(comparisons: readonly Comparison[]): string {
  return `<div class="gallery">${comparisons.map(comparison).join("\n")}</div>`;
}

function comparison({ name, width, height, of, psnr, original, reconstruction }: Comparison) {
  const scale = Math.max(1, Math.floor(smallest / width));
  const words = htmlText(name);
  const size = `${of.width} × ${of.height}${of.width === width && of.height === height ? "" : `, its middle ${width} × ${height}`}`;
  const image = (kind: string, bytes: Uint8Array) =>
    `<img class="${kind}" width="${width}" height="${height}" alt="${words}, ${kind}" src="data:image/webp;base64,${Buffer.from(bytes).toString("base64")}">`;
  return `<figure class="compare" style="width:${width * scale}px">
<div class="pair${scale > 1 ? " enlarged" : ""}">${image("original", original)}${image("reconstruction", reconstruction)}<span class="tag left">original</span><span class="tag right">reconstruction</span><input type="range" min="0" max="100" value="50" step="1" aria-label="${words}: line between original and reconstruction"></div>
<figcaption><b>${words}</b> <span>${size}, ${psnr.toFixed(1)} dB</span></figcaption>
</figure>`;
}
