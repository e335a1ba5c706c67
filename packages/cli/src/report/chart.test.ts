import { describe, expect, test } from "vitest";
import { chart, htmlText, type Line } from "./chart.ts";

const line = (points: Line["points"], more: Partial<Line> = {}): Line => ({
  name: "a line",
  color: 1,
  points,
  ...more,
});
const labels = { title: "Title", x: "step", y: "loss" };
const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text);
const pathOf = (svg: string, name = "line") =>
  new RegExp(`class="${name} c1" d="([^"]+)"`).exec(svg)?.[1];

describe("axes", () => {
  test("have labels, and ticks at round numbers that enclose the values", () => {
    const svg = chart(
      [
        line([
          [0, 3],
          [970, 41],
        ]),
      ],
      labels,
    );
    expect(texts(svg)).toEqual([
      "0",
      "10",
      "20",
      "30",
      "40",
      "50",
      "0",
      "200",
      "400",
      "600",
      "800",
      "step",
      "loss",
    ]);
  });

  test("may be logarithmic, and leave out what has no logarithm", () => {
    const svg = chart(
      [
        line([
          [1, 0],
          [2, 0.3],
          [3, 0.02],
        ]),
      ],
      { ...labels, logarithmic: true },
    );
    expect(texts(svg).slice(0, 5)).toEqual(["0.02", "0.05", "0.1", "0.2", "0.5"]);
    expect(pathOf(svg)?.split("L").length).toBe(2);
  });

  test("show powers of ten alone over many decades", () => {
    const svg = chart(
      [
        line([
          [1, 1e-6],
          [2, 1],
        ]),
      ],
      { ...labels, logarithmic: true },
    );
    expect(texts(svg).slice(0, 7)).toEqual(["1e-6", "1e-5", "1e-4", "0.001", "0.01", "0.1", "1"]);
  });

  test("of one constant value are finite", () => {
    for (const value of [0, 5]) {
      for (const logarithmic of [false, value > 0]) {
        const svg = chart(
          [
            line([
              [1, value],
              [2, value],
            ]),
          ],
          { ...labels, logarithmic },
        );
        expect(svg).not.toMatch(/NaN|Infinity/);
      }
    }
  });
});

describe("lines", () => {
  test("go up where values rise", () => {
    const [first, second] = (
      pathOf(
        chart(
          [
            line([
              [0, 0],
              [10, 10],
            ]),
          ],
          labels,
        ),
      ) ?? ""
    )
      .slice(1)
      .split("L")
      .map((point) => point.split(" ").map(Number));
    expect(second?.[0]).toBeGreaterThan(first?.[0] as number);
    expect(second?.[1]).toBeLessThan(first?.[1] as number);
  });

  test("of one point are a dot; of none, a remark", () => {
    expect(chart([line([[1, 1]])], labels)).toContain("<circle");
    expect(chart([line([])], labels)).toContain("No values yet.");
  });

  test("that are filled reach down to the axis", () => {
    const filled = chart(
      [
        line(
          [
            [0, 2],
            [1, 3],
          ],
          { filled: true },
        ),
      ],
      { ...labels, fromZero: true },
    );
    expect(pathOf(filled, "area")).toMatch(/^M62\.0 238L.*L466\.0 238Z$/);
    expect(texts(filled)[0]).toBe("0");
  });

  test("that are smoothed keep their ends, and lose their spikes", () => {
    const points = Array.from({ length: 81 }, (_, i) => [i, i === 40 ? 10 : 1] as const);
    const svg = chart([line(points)], { ...labels, smoothed: true });
    const heights = [...svg.matchAll(/d="M([^"]+)"/g)].map(([, d]) =>
      (d as string).split("L").map((point) => Number(point.split(" ")[1])),
    );
    const [raw, smooth] = heights as [number[], number[]];
    expect(smooth[0]).toBe(raw[0]);
    expect(Math.min(...smooth)).toBeGreaterThan(Math.min(...raw) + 50);
  });

  test("get a legend when there are several", () => {
    const two = [
      line([
        [0, 1],
        [1, 2],
      ]),
      line(
        [
          [0, 2],
          [1, 1],
        ],
        { name: "b < c", color: 2 },
      ),
    ];
    expect(chart(two, labels)).toContain('<span class="key c2">b &lt; c</span>');
    expect(chart(two.slice(0, 1), labels)).not.toContain("legend");
  });
});

test("text is made safe for HTML", () => {
  expect(htmlText('<a href="x">&</a>')).toBe("&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;");
});
