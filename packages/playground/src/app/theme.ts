import { computed, signal } from "@preact/signals";
import { darkPalette, lightPalette } from "../drawing/colors.ts";

export const themes = ["", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(system.matches);
system.addEventListener("change", ({ matches }) => {
  systemIsDark.value = matches;
});

/** What was chosen by hand, here or in the page around; empty: as the system has it. */
export const theme = signal<Theme>(root.dataset.theme as Theme);

function use(chosen: Theme): void {
  theme.value = chosen;
  root.dataset.theme = chosen;
}

export function chooseTheme(chosen: Theme): void {
  use(chosen);
  localStorage.setItem("theme", chosen);
}

/** The frame of a page that has colours of its own, and tells them by `data-theme`. */
const frame = window.frameElement as HTMLElement | null;
export const themeIsGiven = frame?.dataset.theme !== undefined;
if (frame && themeIsGiven) {
  const follow = () => use(frame.dataset.theme as Theme);
  new MutationObserver(follow).observe(frame, { attributeFilter: ["data-theme"] });
}

/** The colours of pictures and charts. */
export const palette = computed(() => {
  const dark = theme.value === "dark" || (theme.value === "" && systemIsDark.value);
  return dark ? darkPalette : lightPalette;
});
