// Light or dark: what the page says, looked up again when it changes.

import { themeOf } from "./palette.js";

/** "light" or "dark" as the page around `el` is now. */
export function currentTheme(el) {
  const said = document.body?.dataset.jpThemeLight;
  if (said) return said === "false" ? "dark" : "light";
  const vs = document.body?.dataset.vscodeThemeKind; // VS Code
  if (vs) return vs.includes("dark") ? "dark" : "light";
  const style = getComputedStyle(el);
  return themeOf(style.getPropertyValue("--jp-layout-color0"))
    ?? themeOf(getComputedStyle(document.body).backgroundColor)
    ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

/** Call `changed(theme)` now and whenever the theme changes; returns what ends it. */
export function watchTheme(el, changed) {
  let last = null;
  const look = () => {
    const theme = currentTheme(el);
    if (theme !== last) changed((last = theme));
  };
  const observer = new MutationObserver(look);
  const attributes = { attributes: true, attributeFilter: ["class", "style", "data-jp-theme-light", "data-jp-theme-name", "data-vscode-theme-kind"] };
  observer.observe(document.body, attributes);
  observer.observe(document.documentElement, attributes);
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", look);
  look();
  return () => {
    observer.disconnect();
    media.removeEventListener("change", look);
  };
}
