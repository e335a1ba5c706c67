import { useState } from "preact/hooks";
import { palette } from "../../app/theme.ts";
import { Canvas } from "../../parts/Canvas.tsx";
import { Chart } from "../../parts/Chart.tsx";
import { download } from "../../parts/download.ts";
import { Failed } from "../../parts/Failed.tsx";
import { FileDrop } from "../../parts/FileDrop.tsx";
import { Choice, digits, Range } from "../../parts/fields.tsx";
import { Explained } from "../../parts/Hint.tsx";
import { QuantizerFields } from "../../parts/QuantizerFields.tsx";
import { Transport } from "../../parts/Transport.tsx";
import { useRows } from "../../parts/useRows.ts";
import type { SceneProps } from "../scene.ts";
import { mostSeconds, rate, type SpeechSettings, type SpeechSnapshot } from "./contract.ts";
import { drawSpectrogram } from "./draw.ts";
import { play, type Recording, readSound, record, wavOf } from "./sounds.ts";

type Props = SceneProps<SpeechSettings, SpeechSnapshot>;
type Samples = Float32Array<ArrayBuffer>;

export function SpeechScene(props: Props) {
  const { settings, set, snapshot, session } = props;
  const rows = useRows(snapshot, 2);
  const layers = snapshot?.layers ?? Number(settings.options.numQuantizers ?? 1);
  const heard = Math.min(settings.layers, layers);
  const hear = async (which: "original" | "decoded") =>
    play(await session.call<Samples>(which), rate);
  const save = async () =>
    download("decoded.wav", wavOf(await session.call<Samples>("decoded"), rate));
  return (
    <div class="stage">
      <div class="main">
        <Range
          label="Layers that are heard"
          hint="Each layer of codes refines what the ones before made. With one layer the sound is a rough sketch; every further one takes as many bits again."
          value={heard}
          min={1}
          max={layers}
          onChange={(next) => set({ layers: next })}
        />
        <div class="transport">
          <button type="button" class="button first" onClick={() => hear("decoded")}>
            Hear {heard} {heard === 1 ? "layer" : "layers"}
          </button>
          <button type="button" class="button" onClick={() => hear("original")}>
            Hear the original
          </button>
          <button type="button" class="button" onClick={save}>
            Save as .wav
          </button>
        </div>
        <Facts snapshot={snapshot} heard={heard} />
        <Spectrograms snapshot={snapshot} heard={heard} />
        <Transport session={session} />
        <div class="charts">
          <Chart
            title="Error of all layers"
            hint="Mean squared distance between the frames and their codes, summed over the layers: it falls as the codes find their places."
            x="step"
            y="squared distance"
            lines={[{ label: "error" }]}
            data={[rows[0] ?? [], rows[1] ?? []]}
          />
          <Chart
            title="What each layer brings"
            hint="Signal to noise: how much louder the sound is than what is wrong with it, in dB. More is better. At 10 the error has a tenth of the power."
            x="layers"
            y="dB"
            points
            xs={(snapshot?.signalToNoise ?? []).map((_, i) => `${i + 1}`)}
            lines={[{ label: "signal to noise", color: palette.value.forces[2] }]}
            data={[
              (snapshot?.signalToNoise ?? []).map((_, i) => i),
              [...(snapshot?.signalToNoise ?? [])],
            ]}
          />
        </div>
      </div>
      <div class="side">
        <Sounds {...props} />
        <QuantizerFields
          session={session}
          type="residualVQ"
          options={settings.options}
          shown={[
            { name: "codebookSize", min: 4, max: 256, step: 4 },
            { name: "numQuantizers", min: 1, max: 12 },
            { name: "decay", min: 0, max: 0.99, step: 0.01 },
          ]}
          settled={["dim", "layout", "heads", "codebookDim"]}
          onChange={(options) => set({ options })}
        />
      </div>
      <div class="words">
        <h3>What to look for</h3>
        <p>
          The sound is cut into frames of 8 milliseconds, and each frame is described by the
          strengths of its 128 frequencies: a vector. Residual vector quantization replaces it by a{" "}
          <Explained word="code" />, then what is left by a second one, and so on. Codecs for speech
          do that to the vectors of a network; here there is none, so that you hear the codes alone.
        </p>
        <ul>
          <li>
            Begin with one layer, hear it, and add layers until you can't tell it from the original.
          </li>
          <li>
            In the spectrogram the loud bands come first. Soft parts, between and above them, need
            the later layers.
          </li>
          <li>
            The codes are learned from this very sound. A codec has seen many others, and no codes
            are sent with its sounds: <code>vq train</code> makes one of your recordings.
          </li>
        </ul>
      </div>
    </div>
  );
}

interface ShownProps {
  readonly snapshot: SpeechSnapshot | undefined;
  readonly heard: number;
}

function Facts({ snapshot, heard }: ShownProps) {
  const facts = [
    ["kbit a second, as a .vq file", snapshot ? digits(snapshot.kilobits) : "–"],
    ["without entropy coding", snapshot ? digits(snapshot.plainKilobits) : "–"],
    ["signal to noise", snapshot ? `${digits(snapshot.signalToNoise[heard - 1] ?? 0)} dB` : "–"],
    ["the original, 16 bits", "256 kbit/s"],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Spectrograms({ snapshot, heard }: ShownProps) {
  return (
    <div class="panels stack">
      {(["original", "decoded"] as const).map((which) => (
        <figure class="picture" key={which}>
          <Canvas
            label={`Spectrogram of ${which === "original" ? "the original" : `${heard} layers`}`}
            ratio={0.6}
            draw={(pen, colors) =>
              snapshot && drawSpectrogram(pen, colors, snapshot[which], snapshot.seconds)
            }
          />
          <figcaption>
            {which === "original" ? "original" : `${heard} of ${snapshot?.layers ?? ""} layers`}
          </figcaption>
        </figure>
      ))}
    </div>
  );
}

/** Which sound it is: the built-in voice, a recording, a file. */
function Sounds({ settings, set, session }: Props) {
  const [recording, setRecording] = useState<Recording>();
  const [error, setError] = useState("");
  const take = async (file: Blob, name: string) => {
    await session.call("sound", await readSound(file, name, rate));
    if (settings.source === "own") session.restart();
    else set({ source: "own" });
  };
  const attempt = (work: Promise<unknown>) =>
    work.then(
      () => setError(""),
      (thrown: Error) => setError(thrown.message),
    );
  const toggle = async () => {
    if (!recording) {
      setRecording(await record());
      return;
    }
    setRecording(undefined);
    await take(await recording.finish(), "The recording");
  };
  return (
    <fieldset>
      <Choice
        label="Sound"
        hint={`The built-in voice is made up of pulses and resonances. Of your own sounds the first ${mostSeconds} seconds are taken; they stay in this tab.`}
        value={settings.source}
        choices={[
          ["voice", "Built-in voice"],
          ["own", "My own"],
        ]}
        onChange={(source) => set({ source })}
      />
      <FileDrop
        label="A sound file ..."
        accept="audio/*"
        onFiles={([file]) => file && attempt(take(file, file.name))}
      >
        <p>or drop one here</p>
      </FileDrop>
      <button
        type="button"
        class="button"
        aria-pressed={recording !== undefined}
        onClick={() => attempt(toggle())}
      >
        {recording ? "Stop, and listen" : "Record"}
      </button>
      <Failed words={error} />
    </fieldset>
  );
}
