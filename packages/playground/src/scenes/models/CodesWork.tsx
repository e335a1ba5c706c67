import type { Session } from "../../engine/session.ts";
import { Canvas } from "../../parts/Canvas.tsx";
import { Failed } from "../../parts/Failed.tsx";
import type { CodedPixels } from "./contract.ts";
import { drawPixels } from "./drawPixels.ts";
import { useAnswer } from "./useAnswer.ts";

/** The pictures of a `.vq` file, decoded by the open model. */
export function CodesWork({ session }: { readonly session: Session }) {
  const { found, error } = useAnswer<readonly CodedPixels[]>(session, "decode");
  if (error) return <Failed words={error} />;
  return (
    <div class="panels three">
      {found?.map(({ output, name, digest }, i) => (
        <figure class="picture" key={`${i} ${digest}`}>
          <Canvas
            label={`Decoded: ${name ?? `picture ${i + 1}`}`}
            ratio={output.height / output.width}
            draw={(pen) => drawPixels(pen, output)}
          />
          <figcaption>
            {name ?? `picture ${i + 1}`} <code data-decoded="">{digest}</code>
          </figcaption>
        </figure>
      ))}
    </div>
  );
}
