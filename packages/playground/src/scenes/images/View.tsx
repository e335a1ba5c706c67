import { useEffect, useRef, useState } from "preact/hooks";
import { Canvas } from "../../parts/Canvas.tsx";
import { Chart } from "../../parts/Chart.tsx";
import { download } from "../../parts/download.ts";
import { Failed } from "../../parts/Failed.tsx";
import { FileDrop } from "../../parts/FileDrop.tsx";
import { Choice, digits, Range, Select } from "../../parts/fields.tsx";
import { Explained } from "../../parts/Hint.tsx";
import { type OptionInSight, QuantizerFields } from "../../parts/QuantizerFields.tsx";
import { Transport } from "../../parts/Transport.tsx";
import { useRows } from "../../parts/useRows.ts";
import type { QuantizerKind } from "../codebook/kinds.ts";
import type { SceneProps } from "../scene.ts";
import { Compare } from "./Compare.tsx";
import type { ImagesRow, ImagesSettings, ImagesSnapshot } from "./contract.ts";
import { shownCount } from "./contract.ts";
import { Detail } from "./Detail.tsx";
import { drawPair } from "./draw.ts";
import { imageKinds } from "./kinds.ts";
import { readPictures } from "./readPictures.ts";
import { earlierRuns, keepRun, runOf } from "./runs.ts";

type Props = SceneProps<ImagesSettings, ImagesSnapshot>;

const sliders: Readonly<Record<string, OptionInSight>> = {
  codebookSize: { name: "codebookSize", min: 16, max: 1024, step: 16 },
  numQuantizers: { name: "numQuantizers", min: 1, max: 6 },
  commitmentWeight: { name: "commitmentWeight", min: 0.01, max: 10, log: true, usual: 1 },
  decay: { name: "decay", min: 0, max: 0.99, step: 0.01 },
  gradient: { name: "gradient", among: ["straightThrough", "rotation", "directional"] },
  entropyLossWeight: { name: "entropyLossWeight", min: 0.01, max: 1, log: true },
  bounds: { name: "bounds" },
};

export function ImagesScene(props: Props) {
  const { settings, snapshot, session, set } = props;
  const columns = useRows(snapshot, 5);
  const [chosen, setChosen] = useState(0);
  const rows = (columns[0] ?? []).map((_, i) =>
    columns.map((column) => column[i]),
  ) as unknown as ImagesRow[];
  const now = snapshot && rows.length > 0 ? runOf(settings, rows, snapshot) : undefined;
  useKept(settings, now);
  const kind = imageKinds[settings.quantizer] as QuantizerKind;
  const save = async () => download("model.safetensors", await session.call("model"));
  return (
    <div class="stage">
      <div class="main">
        <Gallery {...{ snapshot, chosen, setChosen }} />
        <Transport session={session} />
        <Facts snapshot={snapshot} />
        {snapshot && <Detail shown={snapshot.shown} number={chosen} />}
        <div class="charts three">
          <Chart
            title="Reconstruction loss"
            hint="Mean squared error of the pixels, which go from -1 to 1: what training makes small."
            x="step"
            y="squared error"
            log
            lines={[{ label: "reconstruction" }]}
            data={[columns[0] ?? [], columns[1] ?? []]}
          />
          <Chart
            title="Commitment loss"
            hint="Commitment: mean squared distance of the encoder's vectors to their codes, without the weight; 0 for quantizers that have none. The scene Commitment tells how to read it."
            x="step"
            y="squared distance"
            lines={[{ label: "commitment" }]}
            data={[columns[0] ?? [], columns[2] ?? []]}
          />
          <Chart
            title="Perplexity"
            hint="As how many evenly used codes the (first) codebook counts."
            x="step"
            y="codes"
            lines={[{ label: "perplexity" }]}
            data={[columns[0] ?? [], columns[4] ?? []]}
          />
        </div>
        {now && <Compare runs={[...earlierRuns.value, now]} />}
      </div>
      <div class="side">
        <Pictures {...props} />
        <fieldset>
          <Select
            label="Quantizer"
            hint={kind.says}
            value={settings.quantizer}
            choices={Object.entries(imageKinds).map(([type, { name }]) => [type, name])}
            onChange={(quantizer) =>
              set({ quantizer, options: (imageKinds[quantizer] as QuantizerKind).options })
            }
          />
        </fieldset>
        <QuantizerFields
          session={session}
          type={settings.quantizer}
          options={settings.options}
          shown={kind.shown.map((name) => sliders[name] as OptionInSight)}
          settled={["layout", "dim"]}
          onChange={(options) => set({ options })}
        />
        <fieldset>
          <legend>Encoder and decoder</legend>
          <Choice
            label="Patch"
            hint="Pixels a side that one code stands for. Larger patches: fewer codes, smaller files, worse pictures."
            value={`${settings.patch}`}
            choices={["2", "4", "8"].map((each) => [each, `${each} x ${each}`] as const)}
            onChange={(patch) => set({ patch: Number(patch) })}
          />
          <Range
            label="Learning rate"
            hint="How far a step goes. Too large, and the loss jumps; too small, and it takes long."
            value={settings.rate}
            min={0.0003}
            max={0.03}
            log
            onChange={(rate) => set({ rate: rate || 0.0003 })}
          />
        </fieldset>
        <button type="button" class="button" onClick={save}>
          Download the model
        </button>
      </div>
      <div class="words">
        <h3>What to look for</h3>
        <p>
          The <Explained word="encoder" /> makes one vector of each patch and its surroundings, the
          quantizer one <Explained word="code" /> of each vector, and the{" "}
          <Explained word="decoder" /> the picture of the codes alone. All three are trained at
          once, on pictures other than these.
        </p>
        <ul>
          <li>First the colours come, then the large shapes, then edges.</li>
          <li>Click a place of the code map: all patches with that code look alike.</li>
          <li>
            Choose another quantizer: the run so far stays on the charts. <code>none</code> is how
            good this encoder and decoder could get without any loss by codes.
          </li>
        </ul>
      </div>
    </div>
  );
}

/** Keeps the run that ends when the settings change. */
function useKept(settings: ImagesSettings, now: ReturnType<typeof runOf> | undefined): void {
  const last = useRef<{ settings: ImagesSettings; run: typeof now }>();
  if (now) last.current = { settings, run: now };
  useEffect(() => {
    const before = last.current;
    if (before?.run && before.settings !== settings) {
      keepRun(before.run);
      last.current = undefined;
    }
  }, [settings]);
}

interface GalleryProps {
  readonly snapshot: ImagesSnapshot | undefined;
  readonly chosen: number;
  readonly setChosen: (number: number) => void;
}

function Gallery({ snapshot, chosen, setChosen }: GalleryProps) {
  return (
    <fieldset class="gallery" aria-label="Pictures: original, and what is left of it">
      {Array.from({ length: shownCount }, (_, i) => (
        <button
          key={i}
          type="button"
          aria-pressed={i === chosen}
          aria-label={`Picture ${i + 1}: look at its codes`}
          onClick={() => setChosen(i)}
        >
          <Canvas
            label=""
            ratio={0.5}
            draw={(pen) => snapshot && drawPair(pen, snapshot.shown, i)}
          />
        </button>
      ))}
    </fieldset>
  );
}

function Facts({ snapshot }: { snapshot: ImagesSnapshot | undefined }) {
  const shown = snapshot?.shown;
  const coded = shown !== undefined && shown.size > 0;
  const facts = [
    ["PSNR", shown ? `${digits(shown.psnr)} dB` : "–"],
    ["bits a pixel, as a .vq file", coded ? digits(shown.bitsAPixel) : "–"],
    ["without entropy coding", coded ? digits(shown.plainBits) : "–"],
    ["codes in use here", coded ? `${shown.used} of ${shown.size}` : "–"],
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

function Pictures({ settings, set, session, snapshot }: Props) {
  const [error, setError] = useState("");
  const take = async (files: readonly File[]) => {
    try {
      const pictures = await readPictures(files);
      if (pictures.count < 2)
        throw new Error("Expected more: pictures are cut into 32 x 32 pixels.");
      await session.call("pictures", pictures);
      setError("");
      if (settings.source === "own") session.restart();
      else set({ source: "own" });
    } catch (thrown) {
      setError((thrown as Error).message);
    }
  };
  return (
    <fieldset>
      <Choice
        label="Pictures"
        hint="The built-in ones are coloured shapes with patterns. Your own are cut into squares of 32 x 32 pixels; they stay in this tab."
        value={settings.source}
        choices={[
          ["shapes", "Built-in"],
          ["own", "My own"],
        ]}
        onChange={(source) => set({ source })}
      />
      {settings.source === "own" && (
        <FileDrop label="Choose pictures ..." accept="image/*" multiple onFiles={take}>
          <p>or drop them here{snapshot ? `: ${snapshot.pictures} squares to train on now` : ""}</p>
        </FileDrop>
      )}
      <Failed words={error} />
    </fieldset>
  );
}
