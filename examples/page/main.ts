/** Shows a picture, and what is left of it in codes. The work is done in `codes.worker.ts`. */
import type { Answer, Question } from "./codes.worker.ts";

const worker = new Worker(new URL("./codes.worker.ts", import.meta.url), { type: "module" });
const status = document.querySelector("[role=status]") as HTMLElement;
const canvas = (id: string) => document.getElementById(id) as HTMLCanvasElement;

function draw(id: string, { rgba, width, height }: Question): void {
  Object.assign(canvas(id), { width, height });
  canvas(id)
    .getContext("2d")
    ?.putImageData(new ImageData(rgba, width, height), 0, 0);
}

/** The picture at 256 pixels a side at most, both sides multiples of 4. */
function pixelsOf(picture: CanvasImageSource, wide: number, high: number): Question {
  const scale = Math.min(1, 256 / Math.max(wide, high));
  const [width, height] = [wide, high].map((side) =>
    Math.max(4, 4 * Math.round((side * scale) / 4)),
  );
  const scratch = new OffscreenCanvas(width as number, height as number);
  const context = scratch.getContext("2d") as OffscreenCanvasRenderingContext2D;
  context.drawImage(picture, 0, 0, scratch.width, scratch.height);
  const { data } = context.getImageData(0, 0, scratch.width, scratch.height);
  return {
    rgba: data as Uint8ClampedArray<ArrayBuffer>,
    ...{ width: scratch.width, height: scratch.height },
  };
}

function ask(question: Question): void {
  status.textContent = "Working ...";
  draw("before", question);
  worker.postMessage(question);
}

worker.onmessage = ({ data }: MessageEvent<Answer>) => {
  draw("after", data);
  const bits = Math.ceil(Math.log2(data.codebookSize)) / 16;
  const threads = crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  status.textContent = `${data.codes.length} codes of ${data.codebookSize}: ${bits} bits a pixel in place of 24, and the codebook. Threads: ${threads}.`;
};
worker.onerror = ({ message }) => {
  status.textContent = `It did not work: ${message}`;
};

document.querySelector("input")?.addEventListener("change", async ({ target }) => {
  const file = (target as HTMLInputElement).files?.[0];
  if (!file) return;
  const picture = await createImageBitmap(file);
  ask(pixelsOf(picture, picture.width, picture.height));
});

/** Something to begin with. */
const first = new OffscreenCanvas(128, 96);
const context = first.getContext("2d") as OffscreenCanvasRenderingContext2D;
const sky = context.createLinearGradient(0, 0, 128, 96);
for (const [at, color] of ["#12355b", "#d17a22", "#f5e6c8"].entries())
  sky.addColorStop(at / 2, color);
context.fillStyle = sky;
context.fillRect(0, 0, 128, 96);
context.fillStyle = "#f9f4e0";
context.arc(90, 34, 14, 0, 7);
context.fill();
ask(pixelsOf(first, 128, 96));
