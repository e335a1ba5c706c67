/** Numbers as people read them. */

/** 75 seconds as `1:15`, 3700 as `1:01:40`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A loss, to so many digits that count. */
export function small(value: number, digits = 3): string {
  const tiny = value !== 0 && Math.abs(value) < 1e-3;
  return tiny ? value.toExponential(digits - 1) : value.toPrecision(digits);
}

/** A ratio in dB; silence has none. */
export const decibels = (value: number) => (Number.isNaN(value) ? "none" : value.toFixed(2));

/** 12345 as `12,345`. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `1 sound`, `12,345 sounds`. */
export function amount(count: number, one: string): string {
  return `${grouped(count)} ${one}${count === 1 ? "" : "s"}`;
}

/** The flag of a quantizer's option; `--quantizer` itself names the type of the run's. */
export function flagOf(option: string): string {
  return option === "quantizer" ? "inner-quantizer" : kebabCase(option);
}

/** `numQuantizers` as `num-quantizers`, `residualFSQ` as `residual-fsq`. */
function kebabCase(name: string): string {
  return name.replace(/([a-z\d])([A-Z])/g, "$1-$2").toLowerCase();
}

/** A JSON value on one line, without the marks that only programs need. */
export function described(value: unknown): string {
  if (value === null || typeof value !== "object") {
    return typeof value === "number" && !Number.isInteger(value) ? small(value) : String(value);
  }
  if (Array.isArray(value)) return `[${value.map(described).join(", ")}]`;
  return Object.entries(value)
    .map(([name, part]) => {
      const text = described(part);
      return `${name} ${typeof part === "object" ? `{${text}}` : text}`;
    })
    .join(", ");
}
