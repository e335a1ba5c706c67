import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { palette } from "../app/theme.ts";
import { Hint } from "./Hint.tsx";

export interface ChartLine {
  readonly label: string;
  /** Default: the palette's colour at the line's place. */
  readonly color?: string;
  readonly dash?: number[];
}

interface ChartProps {
  readonly title: string;
  readonly hint?: ComponentChildren;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly ChartLine[];
  /** Columns: x, then one of each line. */
  readonly data: readonly (readonly (number | null)[])[];
  /** Names in place of the numbers of x, which are then 0, 1, and so on. */
  readonly xs?: readonly string[];
  readonly log?: boolean;
  readonly height?: number;
  /** Marks the points of a line, where they are few. */
  readonly points?: boolean;
}

const shown = (value: number | null) =>
  value === null || value === undefined ? "–" : `${Number(value.toPrecision(3))}`;

/** The legend tells the last values while no pointer is on the chart. */
function showLast(plot: uPlot): void {
  const last = plot.data[0].length - 1;
  if (last >= 0 && (plot.cursor.left ?? -1) < 0) plot.setLegend({ idx: last });
}

/** Lines over steps, by uPlot; the legend tells the last values, or those under the pointer. */
export function Chart(props: ChartProps) {
  const { title, hint, x, y, lines, data, xs, log = false, height = 190, points = false } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const labels = useRef(xs);
  labels.current = xs;
  const colors = palette.value;
  const names = lines.map(({ label }) => label).join("|");

  useEffect(() => {
    const element = place.current as HTMLDivElement;
    const axis: uPlot.Axis = {
      stroke: colors.faint,
      grid: { stroke: colors.line, width: 1 },
      ticks: { stroke: colors.line, width: 1, size: 4 },
      font: "12px system-ui, sans-serif",
      labelFont: "12px system-ui, sans-serif",
      labelSize: 20,
    };
    const options: uPlot.Options = {
      width: element.clientWidth || 300,
      height,
      scales: { x: { time: false }, y: log ? { distr: 3 } : {} },
      axes: [
        {
          ...axis,
          label: x,
          size: 32,
          ...(xs && {
            incrs: [1],
            space: 24,
            values: (_: uPlot, at: number[]) => at.map((each) => labels.current?.[each] ?? ""),
          }),
        },
        {
          ...axis,
          label: y,
          size: 54,
          grid: { ...axis.grid, show: !log },
          // Of a logarithm's many ticks uPlot leaves some without a number.
          values: (_, values) => values.map((value) => (value === null ? "" : shown(value))),
        },
      ],
      hooks: { ready: [showLast] },
      legend: { live: true, markers: { width: 2 } },
      cursor: { y: false, points: { size: 6 } },
      series: [
        { label: x, value: (_, value) => labels.current?.[value] ?? shown(value) },
        ...lines.map(({ label, color, dash }, i) => ({
          label,
          stroke: color ?? colors.forces[i % 3],
          width: 2,
          ...(dash && { dash }),
          points: { show: points, size: 6 },
          value: (_: uPlot, value: number | null) => shown(value),
        })),
      ],
    } as uPlot.Options;
    const made = new uPlot(options, data as unknown as uPlot.AlignedData, element);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [colors, names, log, height, x, y, points]);

  useEffect(() => {
    const made = plot.current;
    if (!made) return;
    made.setData(data as unknown as uPlot.AlignedData);
    showLast(made);
  });

  return (
    <section class="chart" aria-label={title}>
      <h3>
        {title}
        {hint && <Hint of={title}>{hint}</Hint>}
      </h3>
      <div ref={place} />
    </section>
  );
}
