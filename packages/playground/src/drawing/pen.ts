/** Places in the picture: x and y, one after another. */
export type Points = ArrayLike<number>;

/** How a thing is drawn; lengths are in pixels, colours as CSS has them. */
export interface Look {
  readonly fill?: string;
  readonly stroke?: string;
  readonly width?: number;
  readonly dash?: readonly number[];
  readonly opacity?: number;
}

/**
 * All that a picture is made of. A drawing is a function of a pen: on the page it is a canvas, in tests
 * an SVG file that is kept.
 */
export interface Pen {
  readonly width: number;
  readonly height: number;
  /** Circles of one radius, or of one each. */
  dots(points: Points, radius: number | ArrayLike<number>, look: Look): void;
  /** From each of the first points to the second one at the same place. */
  lines(from: Points, to: Points, look: Look): void;
  path(points: Points, look: Look, closed?: boolean): void;
  text(x: number, y: number, text: string, look: Look & TextLook): void;
  /** Colours of a grid over a part of the picture, row by row: red, green, blue, opacity; `crisp`: as squares. */
  image(rgba: Uint8ClampedArray<ArrayBuffer>, columns: number, area: Area, crisp?: boolean): void;
  /** All that `draw` draws, cut off outside of the area. */
  within(area: Area, draw: () => void): void;
}

export interface TextLook {
  readonly size?: number;
  readonly align?: "left" | "center" | "right";
  readonly bold?: boolean;
}

/** A part of the picture, in pixels. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
