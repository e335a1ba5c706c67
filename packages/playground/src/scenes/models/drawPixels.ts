import { codeColor, type Palette } from "../../drawing/colors.ts";
import type { Pen } from "../../drawing/pen.ts";
import type { CodedPixels, PicturePixels } from "./contract.ts";

export function rgbaOfPixels({
  width,
  height,
  rgb,
}: PicturePixels): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) rgba.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i);
  return rgba;
}

const whole = ({ width, height }: Pen) => ({ x: 0, y: 0, width, height });

export function drawPixels(pen: Pen, pixels: PicturePixels): void {
  pen.image(rgbaOfPixels(pixels), pixels.width, whole(pen), pixels.width < pen.width);
}

/** The codes of the first layer as colours. */
export function drawCodes(
  pen: Pen,
  { dark }: Palette,
  { codes, layers, shape }: CodedPixels,
): void {
  const rgba = new Uint8ClampedArray((4 * codes.length) / layers);
  for (let i = 0; i < codes.length / layers; i++) {
    rgba.set([...codeColor(codes[i * layers] as number, dark), 255], 4 * i);
  }
  pen.image(rgba, shape[1], whole(pen), true);
}
