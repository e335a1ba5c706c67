import { palette } from "../../app/theme.ts";
import { codeColor, css } from "../../drawing/colors.ts";
import { Chart } from "../../parts/Chart.tsx";
import { digits } from "../../parts/fields.tsx";
import { Explained } from "../../parts/Hint.tsx";
import type { ImagesRun } from "./runs.ts";

/** All runs of this visit on one chart, and what each of them costs. */
export function Compare({ runs }: { readonly runs: readonly ImagesRun[] }) {
  const { dark } = palette.value;
  const color = (i: number) => css(codeColor(i, dark));
  const steps = [...new Set(runs.flatMap((run) => run.steps))].sort((a, b) => a - b);
  const columns = runs.map((run) => {
    const known = new Map(run.steps.map((step, i) => [step, run.psnr[i] as number]));
    return steps.map((step) => known.get(step) ?? null);
  });
  const coded = runs.filter(({ bitsAPixel }) => Number.isFinite(bitsAPixel));
  const bits = [...new Set(coded.map(({ bitsAPixel }) => bitsAPixel))].sort((a, b) => a - b);
  return (
    <>
      <div class="charts">
        <Chart
          title="PSNR of the batches"
          hint="How close what comes out is to what went in, of the pictures of each training step, smoothed. Change a setting: the run before stays, to be compared."
          x="step"
          y="dB"
          lines={runs.map(({ name }, i) => ({ label: name, color: color(i) }))}
          data={[steps, ...columns]}
        />
        <Chart
          title="Bits a pixel against PSNR"
          hint="Up is better, left is smaller. Of the pictures above, as a .vq file would have them; the file's header counts too."
          x="bits a pixel"
          y="dB"
          points
          lines={coded.map(({ name }) => ({
            label: name,
            color: color(runs.findIndex((run) => run.name === name)),
          }))}
          data={[
            bits,
            ...coded.map((run) =>
              bits.map((each) => (each === run.bitsAPixel ? run.shownPsnr : null)),
            ),
          ]}
        />
      </div>
      <table>
        <thead>
          <tr>
            <th>run</th>
            <th>steps</th>
            <th>
              <Explained word="PSNR" />
            </th>
            <th>
              <Explained word="bits a pixel" />
            </th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run, i) => (
            <tr key={`${i} ${run.name}`}>
              <td>{run.name}</td>
              <td>{run.steps.at(-1)}</td>
              <td>{digits(run.shownPsnr)} dB</td>
              <td>{Number.isFinite(run.bitsAPixel) ? digits(run.bitsAPixel) : "no codes"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
