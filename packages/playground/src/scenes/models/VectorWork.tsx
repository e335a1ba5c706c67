import { useState } from "preact/hooks";
import type { Session } from "../../engine/session.ts";
import { download } from "../../parts/download.ts";
import { Failed } from "../../parts/Failed.tsx";
import { FileDrop } from "../../parts/FileDrop.tsx";
import { digits } from "../../parts/fields.tsx";
import type { CodedVectors, NamedFile, OpenedModel } from "./contract.ts";
import { useAnswer } from "./useAnswer.ts";

const rowsShown = 8;

interface VectorWorkProps {
  readonly session: Session;
  readonly model: OpenedModel;
}

/** Vectors through a quantizer alone: of a file, or drawn at random. */
export function VectorWork({ session, model }: VectorWorkProps) {
  const [from, setFrom] = useState("1,000 random vectors");
  const { found, error, ask } = useAnswer<CodedVectors, NamedFile>(session, "vectors");
  const choose = async ([file]: readonly File[]) => {
    if (!file) return;
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (await ask({ name: file.name, bytes })) setFrom(file.name);
  };
  return (
    <>
      <Failed words={error} />
      <FileDrop label="Encode vectors of a .npy file ..." accept=".npy" onFiles={choose}>
        <p>of {model.dim} numbers each; or drop it here</p>
      </FileDrop>
      {found && (
        <>
          <dl class="facts">
            <div>
              <dt>vectors</dt>
              <dd>{from}</dd>
            </div>
            <div>
              <dt>mean squared error</dt>
              <dd>{digits(found.error)}</dd>
            </div>
            <div>
              <dt>codes in use</dt>
              <dd>{found.used.join(", ")}</dd>
            </div>
            <div>
              <dt>digest of the codes</dt>
              <dd>
                <code data-digest="">{found.digest}</code>
              </dd>
            </div>
          </dl>
          <table>
            <thead>
              <tr>
                <th>vector</th>
                <th>{found.layers > 1 ? "codes, layer by layer" : "code"}</th>
              </tr>
            </thead>
            <tbody>
              {Array.from({ length: Math.min(rowsShown, found.count) }, (_, i) => (
                <tr key={`${i}`}>
                  <td>{i}</td>
                  <td>
                    {[...found.codes.subarray(i * found.layers, (i + 1) * found.layers)].join(", ")}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          <div class="try">
            <button type="button" class="button" onClick={() => download("codes.npy", found.file)}>
              Save the codes (.npy)
            </button>
          </div>
        </>
      )}
    </>
  );
}
