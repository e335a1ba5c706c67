import { Canvas } from "../../parts/Canvas.tsx";
import { Chart } from "../../parts/Chart.tsx";
import { Choice, Select } from "../../parts/fields.tsx";
import { Explained } from "../../parts/Hint.tsx";
import { type OptionInSight, QuantizerFields } from "../../parts/QuantizerFields.tsx";
import { Transport } from "../../parts/Transport.tsx";
import { useRows } from "../../parts/useRows.ts";
import { addDrawn, PointsFields } from "../../plane/PointsFields.tsx";
import type { SceneProps } from "../scene.ts";
import type { CodebookSettings, CodebookSnapshot } from "./contract.ts";
import { drawCodebook } from "./draw.ts";
import { kinds, type QuantizerKind } from "./kinds.ts";

const sliders: Readonly<Record<string, OptionInSight>> = {
  codebookSize: { name: "codebookSize", min: 2, max: 64 },
  numQuantizers: { name: "numQuantizers", min: 1, max: 4 },
  decay: { name: "decay", min: 0, max: 0.99, step: 0.01 },
  thresholdEmaDeadCode: { name: "thresholdEmaDeadCode", min: 0, max: 10, step: 0.5 },
  metric: { name: "metric" },
  rotation: { name: "rotation" },
  levels: { name: "levels", min: 3, max: 12 },
  inputToQuantizeCommitLossWeight: {
    name: "inputToQuantizeCommitLossWeight",
    min: 0,
    max: 2,
    step: 0.05,
  },
};

export function CodebookScene(props: SceneProps<CodebookSettings, CodebookSnapshot>) {
  const { settings, set, snapshot, session } = props;
  const rows = useRows(snapshot, 3);
  const kind = kinds[settings.quantizer] as QuantizerKind;
  return (
    <div class="stage">
      <div class="main">
        <div class="beside">
          <div>
            <figure class="picture">
              <Canvas
                label={
                  snapshot
                    ? `${snapshot.points.length / 2} points and ${snapshot.codes} codes in the plane, of which ${snapshot.used} are in use`
                    : "The plane"
                }
                ratio={1}
                draw={(pen, palette) => snapshot && drawCodebook(pen, palette, snapshot)}
                {...(settings.shape === "drawn" && {
                  onStroke: (x: number, y: number) =>
                    set({ drawn: addDrawn(settings.drawn, x, y) }),
                })}
              />
            </figure>
            <Key
              branches={(snapshot?.layers.length ?? 1) > 1}
              pairs={["groupedResidualVQ", "productVQ"].includes(settings.quantizer)}
            />
            <Transport session={session} />
          </div>
          <div>
            <Chart
              title="Distance to the codes"
              hint="Mean squared distance between a point and what its code stands for. It is what is lost by storing the code's number alone."
              x="step"
              y="squared distance"
              log
              lines={[{ label: "error" }]}
              data={[rows[0] ?? [], rows[1] ?? []]}
            />
            <Chart
              title="Perplexity"
              hint="As how many evenly used codes the codebook counts. Far below the number of codes: some are wasted."
              x="step"
              y="codes"
              lines={[{ label: "perplexity" }]}
              data={[rows[0] ?? [], rows[2] ?? []]}
            />
          </div>
        </div>
      </div>
      <div class="side">
        <PointsFields {...settings} set={set} />
        <fieldset>
          <Select
            label="Quantizer"
            hint={kind.says}
            value={settings.quantizer}
            choices={Object.entries(kinds).map(([type, { name }]) => [type, name])}
            onChange={(quantizer) =>
              set({ quantizer, options: (kinds[quantizer] as QuantizerKind).options })
            }
          />
          {kind.fits && (
            <Choice
              label="Codes begin"
              hint="Training moves codes to the points that use them. So where they begin decides which of them ever get one. k-means (fit) is what one should take; in a corner is the hard case."
              value={settings.start}
              choices={[
                ["corner", "in a corner"],
                ["init", "at random"],
                ["kmeans", "by k-means"],
              ]}
              onChange={(start) => set({ start })}
            />
          )}
        </fieldset>
        <QuantizerFields
          session={session}
          type={settings.quantizer}
          options={settings.options}
          shown={kind.shown.map((name) => sliders[name] as OptionInSight)}
          settled={["dim", "layout", "heads", "codebookDim", "numCodebooks", "groups", "parts"]}
          onChange={(options) => set({ options })}
        />
      </div>
      <Explanation set={set} />
    </div>
  );
}

function Key({ branches, pairs }: { branches: boolean; pairs: boolean }) {
  return (
    <div class="key">
      <span>
        <svg width="14" height="14" aria-hidden="true">
          <circle cx="7" cy="7" r="2" fill="currentColor" />
        </svg>
        point, in its code's colour
      </span>
      <span>
        <svg width="14" height="14" aria-hidden="true">
          <circle cx="7" cy="7" r="6" fill="currentColor" />
        </svg>
        code; larger where more points use it
      </span>
      <span>
        <svg width="14" height="14" aria-hidden="true">
          <circle cx="7" cy="7" r="5.5" fill="none" stroke="currentColor" />
          <path d="M4.5 4.5l5 5m0-5l-5 5" stroke="currentColor" />
        </svg>
        {pairs ? (
          "pair of codes that no point has"
        ) : (
          <Explained word="dead code">dead code</Explained>
        )}
      </span>
      {branches && <span>branches: codes of later layers, from the code that they refine</span>}
    </div>
  );
}

function Explanation({ set }: { set: (some: Partial<CodebookSettings>) => void }) {
  const vq = (options: object, start: CodebookSettings["start"] = "corner") =>
    set({
      quantizer: "vectorQuantize",
      start,
      options: { ...kinds.vectorQuantize?.options, ...options },
    });
  return (
    <div class="words">
      <h3>What to look for</h3>
      <p>
        Each point is replaced by its nearest <Explained word="code" />: the colours are the{" "}
        <Explained word="cell">cells</Explained> in which all points get the same one. A step moves
        every code towards the mean of its points, by a <Explained word="moving average" />. So
        cells and codes chase each other until both rest.
      </p>
      <div class="try">
        <button type="button" class="button" onClick={() => vq({ thresholdEmaDeadCode: 0 })}>
          Codes that die
        </button>
        <button type="button" class="button" onClick={() => vq({ thresholdEmaDeadCode: 5 })}>
          Dead codes replaced
        </button>
        <button type="button" class="button" onClick={() => vq({ decay: 0 })}>
          No memory: plain k-means
        </button>
        <button
          type="button"
          class="button"
          onClick={() =>
            set({
              quantizer: "residualVQ",
              start: "corner",
              options: kinds.residualVQ?.options ?? {},
            })
          }
        >
          Layers of codes, as a tree
        </button>
        <button
          type="button"
          class="button"
          onClick={() => set({ quantizer: "simVQ", options: kinds.simVQ?.options ?? {} })}
        >
          All codes move at once: SimVQ
        </button>
        <button
          type="button"
          class="button"
          onClick={() =>
            set({
              quantizer: "groupedResidualVQ",
              start: "kmeans",
              options: kinds.groupedResidualVQ?.options ?? {},
            })
          }
        >
          A book for each axis: groups
        </button>
      </div>
      <p class="note">
        Not here: <code>groupedResidualFSQ</code> and <code>groupedResidualLFQ</code>, which are{" "}
        <code>residualFSQ</code> and <code>residualLFQ</code> where each group is one axis;{" "}
        <code>hierarchicalVQ</code> and <code>multiscaleVQ</code>, which look at a whole picture,
        not at points; and <code>randomProjectionQuantizer</code> and <code>binaryMapper</code>,
        whose codes stand for no place of the plane.
      </p>
    </div>
  );
}
