/** Light or dark: as the system has it, unless somebody chose. */
import { signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";

const KEY = "pfw-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** What was chosen. */
export const theme = signal<Theme>(remembered());
/** Grows with every change of colours, for what draws by itself. */
export const colours = signal(0);

/** Chooses, and remembers it. */
export function chooseTheme(value: Theme): void {
  theme.value = value;
  try {
    localStorage.setItem(KEY, value);
  } catch {
    // A browser that stores nothing shows it until the page is closed.
  }
  applyTheme();
}

/** Begins with what was chosen before. */
export function startTheme(): void {
  dark.addEventListener("change", applyTheme);
  applyTheme();
}

function applyTheme(): void {
  const isDark = theme.value === "dark" || (theme.value === "auto" && dark.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  colours.value++;
}

function remembered(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "auto";
  } catch {
    return "auto";
  }
}
