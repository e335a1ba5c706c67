import type { Session } from "../../engine/session.ts";
import { download } from "../../parts/download.ts";
import { Failed } from "../../parts/Failed.tsx";
import { FileDrop } from "../../parts/FileDrop.tsx";
import { digits } from "../../parts/fields.tsx";
import { play, readSound, wavOf } from "../speech/sounds.ts";
import type { CodedSound } from "./contract.ts";
import { useAnswer } from "./useAnswer.ts";

interface SoundWorkProps {
  readonly session: Session;
  /** Samples a second of the model. */
  readonly rate: number;
}

/** A sound through the model: before, after, what its codes take. */
export function SoundWork({ session, rate }: SoundWorkProps) {
  const { found, error, ask, fail } = useAnswer<CodedSound, Float32Array<ArrayBuffer>>(
    session,
    "sound",
  );
  const choose = ([file]: readonly File[]) => {
    if (!file) return;
    readSound(file, file.name, rate).then(ask, fail);
  };
  return (
    <>
      <Failed words={error} />
      <FileDrop label="Encode a sound ..." accept="audio/*" onFiles={choose}>
        <p>or drop one here; at first it is a made-up voice</p>
      </FileDrop>
      {found?.original && (
        <>
          <div class="try">
            <Hear samples={found.original} rate={rate} name="the original" />
            <Hear samples={found.output} rate={rate} name="what came back" />
            <button
              type="button"
              class="button"
              onClick={() => download("decoded.wav", wavOf(found.output, rate))}
            >
              Save it (.wav)
            </button>
            <button type="button" class="button" onClick={() => download("codes.vq", found.file)}>
              Save the codes (.vq)
            </button>
          </div>
          <dl class="facts">
            <div>
              <dt>.vq file</dt>
              <dd>{found.file.length.toLocaleString("en")} bytes</dd>
            </div>
            <div>
              <dt>kbit a second</dt>
              <dd>{digits((8 * found.file.length * rate) / found.original.length / 1000)}</dd>
            </div>
            <div>
              <dt>digest of the codes</dt>
              <dd>
                <code data-digest="">{found.digest}</code>
              </dd>
            </div>
          </dl>
        </>
      )}
    </>
  );
}

interface HearProps {
  readonly samples: Float32Array<ArrayBuffer>;
  readonly rate: number;
  readonly name: string;
}

function Hear({ samples, rate, name }: HearProps) {
  return (
    <button type="button" class="button" onClick={() => play(samples, rate)}>
      Hear {name}
    </button>
  );
}

/** The sounds of a `.vq` file, decoded by the open model. */
export function DecodedSounds({ session, rate }: SoundWorkProps) {
  const { found, error } = useAnswer<readonly CodedSound[]>(session, "decodeSounds");
  if (error) return <Failed words={error} />;
  return (
    <div class="try">
      {found?.map(({ output, name, digest }, i) => (
        <span key={`${i} ${digest}`}>
          <Hear samples={output} rate={rate} name={name ?? `sound ${i + 1}`} />{" "}
          <code data-decoded="">{digest}</code>
        </span>
      ))}
    </div>
  );
}
