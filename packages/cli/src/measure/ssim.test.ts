import { expect, test } from "vitest";
import { type Pixels, similarity } from "./ssim.ts";

/** A pattern, and the same with errors. */
function pair(height: number, width: number, channels: number): [Pixels, Pixels] {
  const size = { height, width, channels };
  const [a, b] = [0, 1].map(() => new Uint8ClampedArray(height * width * channels));
  for (let at = 0; at < a!.length; at++) {
    const k = at % channels;
    const j = Math.floor(at / channels) % width;
    const i = Math.floor(at / channels / width);
    a![at] = (Math.floor((i * 3 + j * 5 + k * 40) / 4) + ((i * j) >> 5)) % 256;
    b![at] = a![at]! + ((i * 31 + j * 17 + k * 7) % 23) - 11 + ((i * j) % 97 === 0 ? 30 : 0);
  }
  return [
    { ...size, pixels: new Uint8Array(a!.buffer) },
    { ...size, pixels: new Uint8Array(b!.buffer) },
  ];
}

// SSIM recorded with ssim.js 3.5.0 ("original", no downsampling); of three channels, and MS-SSIM, with
// convolutions and pools of PyTorch 2.13 in float64.
test.each([
  [11, 11, 1, 0.622235119396299, undefined],
  [37, 50, 1, 0.6573604266942856, undefined],
  [37, 50, 3, 0.6575071221667922, undefined],
  [181, 200, 3, 0.8287240234692189, 0.9877190434014489],
  [192, 176, 1, 0.8262997644812141, 0.9874306752143548],
])("%d x %d in %d channels as others have it", (height, width, channels, ssim, msSsim) => {
  const found = similarity(...pair(height, width, channels));
  expect(found.ssim).toBeCloseTo(ssim, 10);
  if (msSsim === undefined) expect(found).not.toHaveProperty("msSsim");
  else expect(found.msSsim).toBeCloseTo(msSsim, 6);
});

test("a picture is like itself, and one smaller than a window has no similarity", () => {
  const [picture] = pair(177, 185, 1);
  expect(similarity(picture, picture)).toEqual({ ssim: 1, msSsim: 1 });
  const [small] = pair(10, 200, 1);
  expect(similarity(small, small)).toEqual({});
  const [middle] = pair(175, 300, 3);
  expect(Object.keys(similarity(middle, middle))).toEqual(["ssim"]);
});
