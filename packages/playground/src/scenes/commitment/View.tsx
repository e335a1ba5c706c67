import { useState } from "preact/hooks";
import { palette } from "../../app/theme.ts";
import { Canvas } from "../../parts/Canvas.tsx";
import { Chart } from "../../parts/Chart.tsx";
import { Flag, Range } from "../../parts/fields.tsx";
import { Explained } from "../../parts/Hint.tsx";
import { QuantizerFields } from "../../parts/QuantizerFields.tsx";
import { Transport } from "../../parts/Transport.tsx";
import { useRows } from "../../parts/useRows.ts";
import { addDrawn, PointsFields } from "../../plane/PointsFields.tsx";
import type { SceneProps } from "../scene.ts";
import type { CommitmentSettings, CommitmentSnapshot, SweepPoint } from "./contract.ts";
import { drawCommitment } from "./draw.ts";

const shown = [
  { name: "gradient", among: ["straightThrough", "rotation", "directional"] },
  { name: "codebookSize", min: 2, max: 32 },
  { name: "decay", min: 0, max: 0.99, step: 0.01 },
];

/** Options that would not show here, or that the scene has a slider of its own for. */
const settled = ["dim", "layout", "heads", "codebookDim", "commitmentWeight"];

export function CommitmentScene(props: SceneProps<CommitmentSettings, CommitmentSnapshot>) {
  const { settings, set, snapshot, session } = props;
  const { options } = settings;
  const rows = useRows(snapshot, 4);
  const [homes, setHomes] = useState(true);
  const [forces, setForces] = useState(true);
  const [pull, keep] = palette.value.forces;
  const weight = Number(options.commitmentWeight);
  const setWeight = (commitmentWeight: number) =>
    set({ options: { ...options, commitmentWeight } });
  const setGradient = (gradient: string) =>
    set({
      options: {
        ...options,
        gradient,
        thresholdEmaDeadCode: gradient === "directional" ? 0.1 : 0,
        commitmentWeight: gradient === "directional" ? 0 : options.commitmentWeight,
      },
    });
  return (
    <div class="stage">
      <div class="main">
        <div class="beside">
          <div>
            <figure class="picture">
              <Canvas
                label="Vectors in the plane, their codes, and the two forces on each vector"
                ratio={1}
                draw={(pen, colors) =>
                  snapshot && drawCommitment(pen, colors, snapshot, { homes, forces })
                }
                {...(settings.shape === "drawn" && {
                  onStroke: (x: number, y: number) =>
                    set({ drawn: addDrawn(settings.drawn, x, y) }),
                })}
              />
            </figure>
            <div class="key">
              <Arrow color={pull} text="what the decoder asks for" />
              <Arrow color={keep} text="commitment: to the code" />
              <span>
                <svg width="12" height="12" aria-hidden="true">
                  <circle cx="6" cy="6" r="3" fill="currentColor" />
                </svg>
                vector
              </span>
              <span>
                <svg width="16" height="16" aria-hidden="true">
                  <circle cx="8" cy="8" r="7" fill="currentColor" />
                </svg>
                code
              </span>
              <span>
                <svg width="12" height="12" aria-hidden="true">
                  <circle cx="6" cy="6" r="3" fill="none" stroke="currentColor" />
                </svg>
                home: what should come out for it
              </span>
            </div>
            <Transport session={session} />
          </div>
          <div>
            <Chart
              title="The two losses"
              hint="Reconstruction: how far the code of a vector is from its home, so what the decoder gets wrong. Commitment: how far the vector is from its code, without the weight. Both are mean squared distances."
              x="step"
              y="squared distance"
              lines={[{ label: "reconstruction" }, { label: "commitment" }]}
              data={[rows[0] ?? [], rows[1] ?? [], rows[2] ?? []]}
            />
            <Chart
              title="Commitment / size²"
              hint="The commitment loss says nothing by itself: halve all vectors and it is a quarter. Divided by their mean square it is the share of them that the codes miss."
              x="step"
              y="share"
              lines={[{ label: "commitment / size²", color: keep }]}
              data={[
                rows[0] ?? [],
                (rows[2] ?? []).map((loss, i) => loss / (rows[3]?.[i] ?? 1) ** 2),
              ]}
            />
          </div>
        </div>
        <Sweep session={session} weight={weight} settings={settings} />
      </div>
      <div class="side">
        <fieldset>
          <Range
            label="Commitment weight"
            hint={
              <>
                How strongly a vector is pulled to its code (<code>commitmentWeight</code>). In
                models 0.25 is a good begin; 0 turns it off.
              </>
            }
            value={weight}
            min={0.01}
            max={10}
            log
            onChange={setWeight}
          />
        </fieldset>
        <PointsFields {...settings} set={set} />
        <QuantizerFields
          session={session}
          type="vectorQuantize"
          options={options}
          shown={shown}
          settled={settled}
          onChange={(next) =>
            next.gradient === options.gradient
              ? set({ options: next })
              : setGradient(`${next.gradient}`)
          }
        />
        <fieldset>
          <Range
            label="Step size"
            hint="Which share of the way along its two forces a vector goes in a step."
            value={settings.rate}
            min={0.01}
            max={0.08}
            step={0.01}
            onChange={(rate) => set({ rate })}
          />
          <Flag label="Show homes" value={homes} onChange={setHomes} />
          <Flag label="Show forces" value={forces} onChange={setForces} />
        </fieldset>
      </div>
      <Explanation {...{ setWeight, setGradient }} />
    </div>
  );
}

interface ExplanationProps {
  readonly setWeight: (weight: number) => void;
  readonly setGradient: (gradient: string) => void;
}

function Explanation({ setWeight, setGradient }: ExplanationProps) {
  return (
    <div class="words">
      <h3>What to look for</h3>
      <p>
        Here the <Explained word="encoder" /> can put each vector anywhere, and the{" "}
        <Explained word="decoder" /> gives a code back as it is. So only the forces of the quantizer
        are left. The blue one is the gradient of the reconstruction error: it is made at the{" "}
        <em>code</em> and handed to the <em>vector</em>. It does not look at where the vector is, so
        it never stops by itself. The orange one is the commitment loss: the further from its code,
        the stronger. They balance where a vector is <code>1 / weight</code> times as far from its
        code as its home is.
      </p>
      <ul>
        <li>
          <button type="button" class="term" onClick={() => setWeight(0)}>
            Weight 0
          </button>
          : vectors run out of their cells and back, the loss keeps rising, the codes chase them.
        </li>
        <li>
          <button type="button" class="term" onClick={() => setWeight(0.5)}>
            Weight 0.25 to 1
          </button>
          : the vectors settle around their codes and can still change to a better one.
        </li>
        <li>
          <button type="button" class="term" onClick={() => setWeight(10)}>
            Weight 10
          </button>
          : vectors stick to their codes. The loss is the smallest of all, and the picture is worse:
          hardly any vector gets to a better code. A small commitment loss is no sign of a good
          model.
        </li>
      </ul>
      <p>
        The gradient can come back in other ways:{" "}
        <button type="button" class="term" onClick={() => setGradient("straightThrough")}>
          straight through
        </button>{" "}
        as it is,{" "}
        <button type="button" class="term" onClick={() => setGradient("rotation")}>
          by the rotation trick
        </button>{" "}
        turned as the vector is turned into its code (look at the arrows far from the middle), or{" "}
        <button type="button" class="term" onClick={() => setGradient("directional")}>
          by DiVeQ
        </button>
        , which pulls vector and code along the line between them and needs no commitment loss.
      </p>
    </div>
  );
}

function Arrow({ color, text }: { color: string; text: string }) {
  return (
    <span>
      <svg width="22" height="10" aria-hidden="true">
        <path d="M1 5h19m-5-4l5 4-5 4" fill="none" stroke={color} stroke-width="1.6" />
      </svg>
      {text}
    </span>
  );
}

interface SweepProps {
  readonly session: SceneProps["session"];
  readonly settings: CommitmentSettings;
  readonly weight: number;
}

/** The end of a training for each of several weights: what the slider does, in one picture. */
function Sweep({ session, settings, weight }: SweepProps) {
  const [found, setFound] = useState<readonly SweepPoint[]>([]);
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      setFound(await session.call<readonly SweepPoint[]>("sweep", settings));
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="sweep">
      <div class="try">
        <button type="button" class="button" disabled={busy} onClick={run}>
          {busy ? "Training eight times ..." : "Compare weights"}
        </button>
        <span>Trains anew with eight weights, 200 steps each, and shows where they end.</span>
      </div>
      {found.length > 0 && (
        <Chart
          title="After 200 steps"
          hint="Left: vectors run past their codes. Right: they stick. In between the reconstruction error is least, though the commitment loss falls on and on."
          x={`commitment weight (now ${weight})`}
          y="squared distance"
          log
          points
          lines={[{ label: "reconstruction" }, { label: "commitment" }]}
          xs={found.map((each) => `${each.weight}`)}
          data={[
            found.map((_, i) => i),
            found.map(({ reconstruction }) => reconstruction),
            found.map(({ commitment }) => commitment),
          ]}
        />
      )}
    </section>
  );
}
