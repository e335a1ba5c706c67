import { palette } from "../../app/theme.ts";
import { Canvas } from "../../parts/Canvas.tsx";
import { Chart } from "../../parts/Chart.tsx";
import { Choice, digits, Range } from "../../parts/fields.tsx";
import { Explained } from "../../parts/Hint.tsx";
import { QuantizerFields } from "../../parts/QuantizerFields.tsx";
import { Transport } from "../../parts/Transport.tsx";
import { PointsFields } from "../../plane/PointsFields.tsx";
import type { SceneProps } from "../scene.ts";
import {
  type LevelsSettings,
  type LevelsSnapshot,
  mostShownLayers,
  type Quantizing,
  ways,
} from "./contract.ts";
import { drawInputs, drawLine, drawOutputs } from "./draw.ts";
import { sayings } from "./sayings.ts";

type Props = SceneProps<LevelsSettings, LevelsSnapshot>;

export function LevelsScene(props: Props) {
  const { settings, set, session } = props;
  return (
    <div class="stage">
      <div class="main">
        {settings.view === "fsq" ? <OneLayer {...props} /> : <SideBySide {...props} />}
        <Transport session={session} />
        {settings.view === "residual" && <Errors {...props} />}
      </div>
      <div class="side">
        <fieldset>
          <Choice
            label="Show"
            value={settings.view}
            choices={[
              ["fsq", "FSQ"],
              ["residual", "ResidualFSQ: four bounds"],
            ]}
            onChange={(view) => set({ view })}
          />
          <Range
            label="Spread of the points"
            hint="How large the numbers are that go in. Play lets it swing around this value."
            value={settings.spread}
            min={0.2}
            max={3}
            step={0.1}
            onChange={(spread) => set({ spread })}
          />
          {settings.view === "residual" && (
            <Range
              label="Layers"
              hint="How many layers add up to what comes out. Each one rounds what the ones before left."
              value={settings.layers}
              min={1}
              max={mostShownLayers}
              onChange={(layers) => set({ layers })}
            />
          )}
        </fieldset>
        <PointsFields {...settings} set={set} byHand={false} />
        <QuantizerFields
          session={session}
          type="fsq"
          options={settings.options}
          shown={
            settings.view === "fsq"
              ? [
                  { name: "levels", min: 3, max: 12 },
                  { name: "preserveSymmetry" },
                  { name: "boundHardClamp" },
                ]
              : [{ name: "levels", min: 3, max: 12 }]
          }
          settled={[
            "dim",
            "layout",
            "numCodebooks",
            "keepNumCodebooksDim",
            "noiseDropout",
            "noiseScale",
          ]}
          onChange={(options) => set({ options })}
        />
      </div>
      {settings.view === "fsq" ? <WordsOnFsq set={set} /> : <WordsOnBounds />}
    </div>
  );
}

/** What the lines and dots of these pictures are. */
function Key({ layers }: { layers: boolean }) {
  const [pull, keep] = palette.value.forces;
  return (
    <div class="key">
      <span>
        <svg width="22" height="10" aria-hidden="true">
          <path d="M1 5h20" stroke={keep} stroke-width="1.8" stroke-dasharray="5 4" />
        </svg>
        <Explained word="bound" />
      </span>
      <span>
        <svg width="22" height="10" aria-hidden="true">
          <path d="M1 8h7V2h13" fill="none" stroke={pull} stroke-width="2" />
        </svg>
        what comes out
      </span>
      <span>
        <svg width="12" height="12" aria-hidden="true">
          <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" />
        </svg>
        code{layers && " of the first layer"}
      </span>
      <span>coloured: a bounded point, on its way to what comes out for it</span>
    </div>
  );
}

function OneLayer({ snapshot }: Props) {
  const [found] = snapshot?.found ?? [];
  return (
    <>
      <div class="panels">
        <figure class="picture">
          <Canvas
            label="The plane of inputs, cut into the cells of the grid's codes"
            ratio={1}
            draw={(pen, colors) => snapshot && drawInputs(pen, colors, snapshot)}
          />
          <figcaption>What goes in. A cell has all inputs of one code.</figcaption>
        </figure>
        <figure class="picture">
          <Canvas
            label="The bounded points, and the grid of codes that they are rounded to"
            ratio={1}
            draw={(pen, colors) => found && drawOutputs(pen, colors, found)}
          />
          <figcaption>The same points bounded, and the codes they are rounded to.</figcaption>
        </figure>
      </div>
      <figure class="picture">
        <Canvas
          label="What comes out for a number that goes in: a staircase around the bound"
          ratio={0.36}
          draw={(pen, colors) => found && drawLine(pen, colors, found)}
        />
      </figure>
      <Key layers={false} />
    </>
  );
}

function SideBySide({ snapshot, settings }: Props) {
  return (
    <>
      <div class="panels four">
        {(snapshot?.found ?? []).map((found) => (
          <section class="panel" key={found.way} aria-label={found.way}>
            <h3>
              <code>{found.way}</code>
            </h3>
            <p>{sayings[found.way].short}</p>
            <figure class="picture">
              <Canvas
                label={`${found.way}: what comes out for a number that goes in`}
                ratio={0.9}
                draw={(pen, colors) => drawLine(pen, colors, found)}
              />
            </figure>
            <figure class="picture">
              <Canvas
                label={`${found.way}: bounded points and what comes out for them`}
                ratio={1}
                draw={(pen, colors) => drawOutputs(pen, colors, found)}
              />
              <figcaption>
                missing after {settings.layers} {settings.layers === 1 ? "layer" : "layers"}:{" "}
                <strong>{percent(found.errors[settings.layers - 1] ?? 0)}</strong>
              </figcaption>
            </figure>
          </section>
        ))}
      </div>
      <Key layers />
    </>
  );
}

const percent = (share: number) => `${digits(Number((share * 100).toPrecision(2)))} %`;

function Errors({ snapshot }: Props) {
  const found: readonly Quantizing[] = snapshot?.found ?? [];
  const layers = Array.from({ length: mostShownLayers }, (_, i) => i + 1);
  return (
    <Chart
      title="What is missing after each layer"
      hint="Root mean square of what came out minus the bounded points, as a share of the bounded points' own. What the bound itself takes away is not in it. The axis is logarithmic."
      x="layers"
      y="share missing"
      log
      points
      xs={layers.map(String)}
      lines={found.map(({ way }, i) => ({
        label: way,
        color: lineColors(i),
        ...(way === "boundNormalized" && { dash: [3, 5] }),
      }))}
      data={[layers.map((_, i) => i), ...found.map(({ errors }) => [...errors])]}
    />
  );
}

function WordsOnBounds() {
  return (
    <div class="words">
      <h3>What to look for</h3>
      <p>
        Levels are few and end somewhere, so what goes in must be brought within their reach first:{" "}
        <code>bounds</code> says how. Each layer then rounds what the ones before left, to finer
        levels. Turn up <em>Layers</em>: with the first three bounds the staircase closes in on the
        dashed line.
      </p>
      <ul>
        {ways.map((way) => (
          <li key={way}>
            <code>{way}</code>: {sayings[way].long}
          </li>
        ))}
      </ul>
    </div>
  );
}

const lineColors = (i: number) => {
  const [blue, orange, violet] = palette.value.forces;
  return [blue, orange, violet, palette.value.ink][i] as string;
};

function WordsOnFsq({ set }: { set: Props["set"] }) {
  return (
    <div class="words">
      <h3>What to look for</h3>
      <p>
        FSQ has no codebook to train. Every number is <Explained word="bound">bounded</Explained> by
        tanh, so that none is too large, and rounded to the nearest <Explained word="level" />. The
        grid of all levels is the codebook, 5 x 4 levels are 20 codes. No code can die, and no loss
        is needed; what learns is the encoder before it.
      </p>
      <ul>
        <li>
          The cells far from the middle are larger: there tanh is flat, and many inputs share a
          level. Let the spread swing, and see the points crowd at the edge of the grid.
        </li>
        <li>
          An even number of levels has one more below 0 than above, for 0 is a level.{" "}
          <button
            type="button"
            class="term"
            onClick={() => set({ options: { levels: [5, 4], preserveSymmetry: true } })}
          >
            preserveSymmetry
          </button>{" "}
          puts them evenly around 0.
        </li>
        <li>
          <button
            type="button"
            class="term"
            onClick={() =>
              set({ options: { levels: [5, 4], preserveSymmetry: true, boundHardClamp: true } })
            }
          >
            boundHardClamp
          </button>{" "}
          cuts off at -1 and 1 in place of tanh: for inputs that are bounded already.
        </li>
        <li>
          Layers of it, for finer and finer levels:{" "}
          <button type="button" class="term" onClick={() => set({ view: "residual" })}>
            the four bounds of ResidualFSQ
          </button>
          .
        </li>
      </ul>
    </div>
  );
}
