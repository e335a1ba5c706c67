import { useState } from "preact/hooks";
import { Canvas } from "../../parts/Canvas.tsx";
import { Range } from "../../parts/fields.tsx";
import type { ShownPictures } from "./contract.ts";
import {
  acrossOf,
  codesAt,
  drawCodeMap,
  drawPatches,
  drawPicture,
  patchesRatio,
  placesOf,
} from "./draw.ts";

const mostPatches = 48;

/** One picture, large: before, after, its codes; and all patches of a code. */
export function Detail({
  shown,
  number,
}: {
  readonly shown: ShownPictures;
  readonly number: number;
}) {
  const [chosen, setChosen] = useState<number>();
  const code = chosen !== undefined && chosen < shown.size ? chosen : undefined;
  const places = code === undefined ? [] : placesOf(shown, code).slice(0, mostPatches);
  const across = acrossOf(shown);
  const tap = (x: number, y: number) => {
    const at = Math.floor(y * across) * across + Math.floor(x * across);
    const found = codesAt(shown, number)[at];
    setChosen(found === code ? undefined : found);
  };
  return (
    <>
      <div class="panels three">
        <figure class="picture">
          <Canvas
            label="The original"
            ratio={1}
            draw={(pen) => drawPicture(pen, shown.originals, number)}
          />
          <figcaption>original</figcaption>
        </figure>
        <figure class="picture">
          <Canvas
            label="What is made of its codes"
            ratio={1}
            draw={(pen) => drawPicture(pen, shown.outputs, number)}
          />
          <figcaption>from its codes</figcaption>
        </figure>
        <figure class="picture">
          <Canvas
            label={
              across > 0
                ? `Its ${across} x ${across} codes as colours`
                : "This quantizer has no codes"
            }
            ratio={1}
            draw={(pen, palette) => drawCodeMap(pen, palette, shown, number, code)}
            {...(across > 0 && { onTap: tap })}
          />
          <figcaption>{across > 0 ? "its codes: click one" : "no codes"}</figcaption>
        </figure>
      </div>
      {across > 0 && (
        <div class="patches">
          <Range
            label="Code"
            hint="Below are all patches of the pictures above that have this code (of the first layer). They look alike: that is what the code stands for."
            value={code ?? 0}
            min={0}
            max={shown.size - 1}
            format={(each) =>
              code === undefined ? "none chosen" : `${each}: ${places.length} patches`
            }
            onChange={setChosen}
          />
          {places.length > 0 && (
            <Canvas
              label={`${places.length} patches with code ${code}`}
              ratio={patchesRatio(places.length)}
              draw={(pen) => drawPatches(pen, shown, places)}
            />
          )}
        </div>
      )}
    </>
  );
}
