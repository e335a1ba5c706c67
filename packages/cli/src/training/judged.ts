import type { Images } from "vector-quantize/data";

/** Most images that a run is judged by. */
const mostImages = 2048;

/** The images that a run is judged by: those held back, or where there are none, its own. */
export function judgedImages(images: Images, items: Uint32Array, validation: Uint32Array): Images {
  const chosen = (validation.length > 0 ? validation : items).subarray(0, mostImages);
  const length = images.height * images.width * images.channels;
  const pixels = images.pixels.slice(0, chosen.length * length);
  chosen.forEach((item, i) => {
    pixels.set(images.pixels.subarray(item * length, (item + 1) * length), i * length);
  });
  return { ...images, count: chosen.length, pixels };
}
