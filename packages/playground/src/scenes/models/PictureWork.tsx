import type { Session } from "../../engine/session.ts";
import { Canvas } from "../../parts/Canvas.tsx";
import { download } from "../../parts/download.ts";
import { Failed } from "../../parts/Failed.tsx";
import { FileDrop } from "../../parts/FileDrop.tsx";
import { digits } from "../../parts/fields.tsx";
import { Explained } from "../../parts/Hint.tsx";
import type { CodedPixels, OpenedModel, PicturePixels } from "./contract.ts";
import { drawCodes, drawPixels, rgbaOfPixels } from "./drawPixels.ts";
import { useAnswer } from "./useAnswer.ts";

const mostSide = 1024;

/** A picture file as pixels, made smaller if it is very large. */
async function pixelsOfFile(file: File): Promise<PicturePixels> {
  const bitmap = await createImageBitmap(file).catch(() => undefined);
  if (!bitmap) throw new Error(`${file.name}: expected a picture that this browser can read.`);
  const scale = Math.min(1, mostSide / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) =>
    Math.max(1, Math.round(side * scale)),
  ) as [number, number];
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) rgb.set(data.subarray(4 * i, 4 * i + 3), 3 * i);
  return { width, height, rgb };
}

async function savePicture(pixels: PicturePixels): Promise<void> {
  const canvas = new OffscreenCanvas(pixels.width, pixels.height);
  const image = new ImageData(rgbaOfPixels(pixels), pixels.width);
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  const blob = await canvas.convertToBlob({ type: "image/png" });
  download("decoded.png", new Uint8Array(await blob.arrayBuffer()));
}

interface PictureWorkProps {
  readonly session: Session;
  readonly model: OpenedModel;
}

/** A picture through the model: before, after, its codes, what they take. */
export function PictureWork({ session, model }: PictureWorkProps) {
  const { found, error, ask, fail } = useAnswer<CodedPixels, PicturePixels>(session, "picture");
  const choose = ([file]: readonly File[]) => {
    if (file) pixelsOfFile(file).then(ask, fail);
  };
  return (
    <>
      <Failed words={error} />
      <FileDrop label="Encode a picture ..." accept="image/*" onFiles={choose}>
        <p>or drop one here</p>
      </FileDrop>
      {found?.original && (
        <>
          <Pictures {...{ found, model }} original={found.original} />
          <div class="try">
            <button type="button" class="button" onClick={() => download("codes.vq", found.file)}>
              Save the codes (.vq)
            </button>
            <button type="button" class="button" onClick={() => savePicture(found.output)}>
              Save what came back (.png)
            </button>
          </div>
        </>
      )}
    </>
  );
}

interface PicturesProps {
  readonly found: CodedPixels;
  readonly original: PicturePixels;
  readonly model: OpenedModel;
}

function Pictures({ found, original, model }: PicturesProps) {
  const { output, shape, psnr, file, digest } = found;
  const { width, height } = original;
  const ratio = height / width;
  return (
    <>
      <div class="panels three">
        <figure class="picture">
          <Canvas label="The picture" ratio={ratio} draw={(pen) => drawPixels(pen, original)} />
          <figcaption>
            {width} x {height} pixels
          </figcaption>
        </figure>
        <figure class="picture">
          <Canvas
            label="What comes back from its codes"
            ratio={ratio}
            draw={(pen) => drawPixels(pen, output)}
          />
          <figcaption>
            from its codes: <Explained word="PSNR" /> {digits(psnr ?? 0)} dB
          </figcaption>
        </figure>
        <figure class="picture">
          <Canvas
            label="Its codes as colours"
            ratio={shape[0] / shape[1]}
            draw={(pen, palette) => drawCodes(pen, palette, found)}
          />
          <figcaption>
            {shape[1]} x {shape[0]} codes
            {model.codebookSizes.length > 1 && `, ${model.codebookSizes.length} layers`}
          </figcaption>
        </figure>
      </div>
      <dl class="facts">
        <div>
          <dt>.vq file</dt>
          <dd>{file.length.toLocaleString("en")} bytes</dd>
        </div>
        <div>
          <dt>bits a pixel</dt>
          <dd>{digits((8 * file.length) / (width * height))}</dd>
        </div>
        <div>
          <dt>digest of the codes</dt>
          <dd>
            <code data-digest="">{digest}</code>
          </dd>
        </div>
      </dl>
    </>
  );
}
