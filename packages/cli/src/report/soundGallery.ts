import { htmlText } from "./chart.ts";

/** A sound and its reconstruction, to be seen and heard. */
export interface SoundComparison {
  readonly name: string;
  /** What they are alike by, in words. */
  readonly words: string;
  readonly original: SeenAndHeard;
  readonly reconstruction: SeenAndHeard;
}

export interface SeenAndHeard {
  /** A spectrogram. */
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly wav: Uint8Array;
}

/** Spectrograms in pairs, each with a player. */
export function soundGallery(comparisons: readonly SoundComparison[]): string {
  return `<div class="sounds">${comparisons.map(comparison).join("\n")}</div>`;
}

function comparison({ name, words, original, reconstruction }: SoundComparison): string {
  const called = htmlText(name);
  const part = (kind: string, { png, width, height, wav }: SeenAndHeard) =>
    `<div class="sound"><span>${kind}</span>` +
    `<img width="${width}" height="${height}" alt="Spectrogram of ${called}, ${kind}" src="${data("image/png", png)}">` +
    `<audio controls preload="metadata" aria-label="${called}, ${kind}" src="${data("audio/wav", wav)}"></audio></div>`;
  return `<figure>
<figcaption><b>${called}</b> <span>${htmlText(words)}</span></figcaption>
<div class="soundPair">${part("original", original)}${part("reconstruction", reconstruction)}</div>
</figure>`;
}

const data = (type: string, bytes: Uint8Array) =>
  `data:${type};base64,${Buffer.from(bytes).toString("base64")}`;
