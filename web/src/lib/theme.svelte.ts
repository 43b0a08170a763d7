/** Light or dark: the system's wish, unless somebody has said otherwise here. */
import { keep, kept } from "./keep";

export type Theme = "system" | "light" | "dark";

const wish = matchMedia("(prefers-color-scheme: dark)");

class ThemeState {
  said = $state<Theme>(kept<Theme>("theme", "system"));
  system = $state(wish.matches);

  constructor() {
    wish.addEventListener("change", (event) => {
      this.system = event.matches;
      this.apply();
    });
    this.apply();
  }

  get isDark(): boolean {
    return this.said === "dark" || (this.said === "system" && this.system);
  }

  set(theme: Theme): void {
    this.said = theme;
    keep("theme", theme);
    this.apply();
  }

  private apply(): void {
    document.documentElement.dataset.theme = this.isDark ? "dark" : "light";
  }
}

export const theme = new ThemeState();
