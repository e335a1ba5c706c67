/** The colours of a picture, for light and dark. */
export interface Palette {
  readonly dark: boolean;
  readonly ink: string;
  readonly faint: string;
  readonly line: string;
  readonly ground: string;
  /** Forces, in the order of their names in a scene. */
  readonly forces: readonly [string, string, string];
}

export const lightPalette: Palette = {
  dark: false,
  ink: "#1d2430",
  faint: "#5c6675",
  line: "#c9d0da",
  ground: "#ffffff",
  forces: ["#1f5fd0", "#c2410c", "#5b21b6"],
};

export const darkPalette: Palette = {
  dark: true,
  ink: "#e8ecf2",
  faint: "#9aa5b5",
  line: "#39424f",
  ground: "#12161c",
  forces: ["#7fb0ff", "#ffa26b", "#c4a5ff"],
};

type Rgb = readonly [number, number, number];

/** Red, green and blue, 0 to 255, of hue, saturation and lightness, 0 to 1. */
export function hsl(hue: number, saturation: number, lightness: number): Rgb {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number) => {
    const k = (n + hue * 12) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

const golden = 0.618033988749895;

/** The hue of a code: neighbours in the codebook are far apart on the wheel. */
const hueOf = (code: number) => (0.58 + code * golden) % 1;

/** The colour of a code's points; codes within one of the layer before differ a little. */
export function codeColor(code: number, dark: boolean, within = 0): Rgb {
  const shift = ((within * golden) % 1) * 0.16 - 0.08;
  return hsl(hueOf(code), dark ? 0.7 : 0.65, (dark ? 0.66 : 0.42) + (within ? shift : 0));
}

export const css = ([r, g, b]: Rgb): string => `rgb(${r} ${g} ${b})`;
