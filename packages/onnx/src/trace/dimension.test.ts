import { describe, expect, it } from "vitest";
import { FreeAxes, type FreeDimension, timesDimension } from "./dimension.ts";

const axes = new FreeAxes(["batch", "height", "width"], [1, 4, 4]);
/** A size in each trace. */
const sizes = (of: (batch: number, height: number, width: number) => number) =>
  axes.lengths.map(([batch, height, width]) => of(batch!, height!, width!));
const described = (of: Parameters<typeof sizes>[0]) => {
  const found = axes.fit(sizes(of));
  return typeof found === "object" ? axes.describe(found) : found;
};

describe("a size of several traces", () => {
  it.each<[Parameters<typeof sizes>[0], number | string | undefined]>([
    [() => 12, 12],
    [(b) => b, "batch"],
    [(_, h) => h / 4, "height / 4"],
    [(_, h) => (3 * h) / 2, "3 * height / 2"],
    [(_, __, w) => 2 * w - 1, "2 * width - 1"],
    [(b, h, w) => (b * h * w) / 16, "batch * height * width / 16"],
    [(b, h, w) => b * h * w + 7, "batch * height * width + 7"],
    [(_, h) => h / 8, undefined], // grows by half where the height grows by its multiple
    [(_, h) => Math.floor(h / 7), undefined],
    [(_, h) => Math.min(h, 30), undefined],
    [(_, h, w) => h + w, undefined],
    [(b, h) => b * (h + 2), undefined],
  ])("%s is %s", (of, what) => {
    expect(described(of)).toBe(what);
  });

  it("multiplies with another where that is a formula", () => {
    const [batch, height] = [sizes((b) => b), sizes((_, h) => h / 4)].map((each) =>
      axes.fit(each),
    ) as [FreeDimension, FreeDimension];
    const product = timesDimension(height, batch) as FreeDimension;
    expect(axes.describe(product)).toBe("batch * height / 4");
    expect(axes.describe(timesDimension(3, batch) as FreeDimension)).toBe("3 * batch");
    expect(timesDimension(2, 3)).toBe(6);
    expect(timesDimension(batch, batch)).toBeUndefined();
    expect(timesDimension({ ...batch, offset: 1 }, height)).toBeUndefined();
  });
});
