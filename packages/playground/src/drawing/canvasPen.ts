import type { Look, Pen } from "./pen.ts";

let scratch: HTMLCanvasElement | undefined;

/** A pen on a canvas, whose pixels are those of the screen. */
export function canvasPen(canvas: HTMLCanvasElement, width: number, height: number): Pen {
  const scale = devicePixelRatio;
  const [columns, rows] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== columns) canvas.width = columns;
  if (canvas.height !== rows) canvas.height = rows;
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);

  function finish({ fill, stroke, width: line = 1, dash = [], opacity = 1 }: Look): void {
    context.globalAlpha = opacity;
    if (fill) {
      context.fillStyle = fill;
      context.fill();
    }
    if (stroke) {
      context.strokeStyle = stroke;
      context.lineWidth = line;
      context.setLineDash(dash as number[]);
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  return {
    width,
    height,
    dots(points, radius, look) {
      context.beginPath();
      for (let i = 0; i < points.length / 2; i++) {
        const [x, y] = [points[2 * i] as number, points[2 * i + 1] as number];
        const r = typeof radius === "number" ? radius : (radius[i] as number);
        context.moveTo(x + r, y);
        context.arc(x, y, r, 0, 2 * Math.PI);
      }
      finish(look);
    },
    lines(from, to, look) {
      context.beginPath();
      for (let i = 0; i < from.length; i += 2) {
        context.moveTo(from[i] as number, from[i + 1] as number);
        context.lineTo(to[i] as number, to[i + 1] as number);
      }
      finish(look);
    },
    path(points, look, closed = false) {
      context.beginPath();
      for (let i = 0; i < points.length; i += 2) {
        context.lineTo(points[i] as number, points[i + 1] as number);
      }
      if (closed) context.closePath();
      finish(look);
    },
    text(x, y, text, { size = 12, align = "left", bold = false, fill = "#000", opacity = 1 }) {
      context.globalAlpha = opacity;
      context.font = `${bold ? "600 " : ""}${size}px system-ui, sans-serif`;
      context.textAlign = align;
      context.fillStyle = fill;
      context.fillText(text, x, y);
      context.globalAlpha = 1;
    },
    image(rgba, across, area, crisp = false) {
      context.imageSmoothingEnabled = !crisp;
      scratch ??= document.createElement("canvas");
      scratch.width = across;
      scratch.height = rgba.length / 4 / across;
      scratch.getContext("2d")?.putImageData(new ImageData(rgba, across), 0, 0);
      context.drawImage(scratch, area.x, area.y, area.width, area.height);
    },
    within(area, draw) {
      context.save();
      context.beginPath();
      context.rect(area.x, area.y, area.width, area.height);
      context.clip();
      draw();
      context.restore();
    },
  };
}
