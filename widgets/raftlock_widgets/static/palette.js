// Colours. A term is a colour everywhere, always with its number; a role is a shape and a letter.
// Red is kept for broken safety. tests/palette.test.js computes every contrast used here.

/** Fills for terms: five hues of Okabe and Ito's palette. Text on them is always INK_ON_TERM. */
export const TERM_FILL = ["#e69f00", "#56b4e9", "#2fb58b", "#f0e442", "#d58fb5"];

/** The same hues for lines and borders: at least 3:1 against the theme's background. */
export const TERM_LINE = {
  light: ["#a66f00", "#2278ac", "#00815e", "#857a00", "#ac5585"],
  dark: ["#e69f00", "#56b4e9", "#2fb58b", "#f0e442", "#d58fb5"],
};

export const INK_ON_TERM = "#14181d";

/** What the style sheet uses, by theme: `background` is the lightest or darkest it may meet. */
export const THEME = {
  light: {
    backgrounds: ["#ffffff", "#f5f6f8"],
    ink: "#1a1f26",
    muted: "#55606c",
    accent: "#0a63c2",
    good: "#0b6e46",
    warn: "#8a5200",
    fault: "#4a5560",
    edge: "#7d8894",
    down: "#e3e6ea",
    onAccent: "#ffffff",
    warnSoft: "#fff4dc",
  },
  dark: {
    backgrounds: ["#111111", "#212121"],
    ink: "#eceff2",
    muted: "#aab4bf",
    accent: "#7ab8ff",
    good: "#6fd3a6",
    warn: "#f0b95a",
    fault: "#b5bec8",
    edge: "#838e99",
    down: "#343a41",
    onAccent: "#0b1520",
    warnSoft: "#332712",
  },
};

const slot = (term) => (((term - 1) % 5) + 5) % 5;

/** The fill of a term; nothing for term 0, which has none yet. */
export const termFill = (term) => (term > 0 ? TERM_FILL[slot(term)] : null);

/** The line colour of a term in a theme, "light" or "dark". */
export const termLine = (term, theme) => (term > 0 ? TERM_LINE[theme][slot(term)] : null);

function channel(value) {
  const c = value / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

/** Relative luminance of "#rrggbb", as WCAG 2 defines it. */
export function luminance(hex) {
  const n = Number.parseInt(hex.slice(1), 16);
  return 0.2126 * channel(n >> 16) + 0.7152 * channel((n >> 8) & 255) + 0.0722 * channel(n & 255);
}

/** The contrast of two colours, from 1 to 21. */
export function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

/** "light" or "dark" for a CSS colour such as "rgb(17, 17, 17)" or "#111"; null if it says nothing. */
export function themeOf(color) {
  const text = (color ?? "").trim();
  let rgb = null;
  if (/^#[0-9a-f]{3}$/i.test(text)) rgb = [...text.slice(1)].map((c) => Number.parseInt(c + c, 16));
  else if (/^#[0-9a-f]{6}/i.test(text)) {
    rgb = [1, 3, 5].map((k) => Number.parseInt(text.slice(k, k + 2), 16));
  } else if (/^rgba?\(/.test(text)) {
    const parts = text.match(/[\d.]+/g).map(Number);
    if (parts.length === 4 && parts[3] === 0) return null;
    rgb = parts.slice(0, 3);
  } else if (text === "white" || text === "black") rgb = text === "white" ? [255, 255, 255] : [0, 0, 0];
  if (!rgb) return null;
  const hex = `#${rgb.map((c) => Math.round(c).toString(16).padStart(2, "0")).join("")}`;
  return luminance(hex) > 0.3 ? "light" : "dark";
}
