import { useEffect, useRef } from "preact/hooks";
import { palette } from "../app/theme.ts";
import { canvasPen } from "../drawing/canvasPen.ts";
import type { Palette } from "../drawing/colors.ts";
import type { Pen } from "../drawing/pen.ts";

interface CanvasProps {
  /** What there is to see, for those who can't. */
  readonly label: string;
  /** Height by width. */
  readonly ratio: number;
  readonly draw: (pen: Pen, palette: Palette) => void;
  /** Where a pointer draws, as shares of width and height. */
  readonly onStroke?: (x: number, y: number) => void;
  readonly onTap?: (x: number, y: number) => void;
}

/** A canvas as wide as there is room for, drawn once a frame at most. */
export function Canvas({ label, ratio, draw, onStroke, onTap }: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const latest = useRef(draw);
  latest.current = draw;
  const colors = palette.value;

  useEffect(() => {
    const element = canvas.current as HTMLCanvasElement;
    let frame = 0;
    const paint = () => {
      frame = 0;
      const width = element.clientWidth;
      if (width > 0) latest.current(canvasPen(element, width, width * ratio), colors);
    };
    const soon = () => {
      frame ||= requestAnimationFrame(paint);
    };
    const observer = new ResizeObserver(soon);
    observer.observe(element);
    soon();
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame);
    };
  });

  const share = (event: PointerEvent): [number, number] => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  return (
    <canvas
      ref={canvas}
      {...(label === "" ? { "aria-hidden": true } : { role: "img", "aria-label": label })}
      class={onStroke ? "drawable" : onTap ? "tappable" : ""}
      style={{ aspectRatio: `${1 / ratio}` }}
      onPointerDown={(event) => {
        if (!onStroke) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        onStroke(...share(event));
      }}
      onPointerMove={(event) => {
        if (onStroke && event.buttons > 0) onStroke(...share(event));
      }}
      onClick={(event) => onTap?.(...share(event as unknown as PointerEvent))}
    />
  );
}
