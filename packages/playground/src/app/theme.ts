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

/** What was chosen by hand; empty: as the system has it. */
export const theme = signal<Theme>(root.dataset.theme as Theme);

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  root.dataset.theme = chosen;
  localStorage.setItem("theme", chosen);
}

/** The colours of pictures and charts. */
export const palette = computed(() => {
  const dark = theme.value === "dark" || (theme.value === "" && systemIsDark.value);
  return dark ? darkPalette : lightPalette;
});
