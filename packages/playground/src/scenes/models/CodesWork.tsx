import { useEffect, useState } from "preact/hooks";
import type { Session } from "../../engine/session.ts";
import { Canvas } from "../../parts/Canvas.tsx";
import type { CodedPixels } from "./contract.ts";
import { drawPixels } from "./drawPixels.ts";

/** The pictures of a `.vq` file, decoded by the open model. */
export function CodesWork({ session }: { readonly session: Session }) {
  const [decoded, setDecoded] = useState<readonly CodedPixels[]>([]);
  const [error, setError] = useState("");
  useEffect(() => {
    session.call<readonly CodedPixels[]>("decode").then(setDecoded, (thrown: Error) => {
      setError(thrown.message);
    });
  }, [session]);
  if (error) {
    return (
      <p class="error" role="alert">
        {error}
      </p>
    );
  }
  return (
    <div class="panels three">
      {decoded.map(({ output, name, digest }, i) => (
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
