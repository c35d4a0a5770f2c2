import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  INK_ON_TERM, TERM_FILL, TERM_LINE, THEME, contrast, termFill, termLine, themeOf,
} from "../raftlock_widgets/static/palette.js";

const TEXT = 4.5; // WCAG 2 AA for text
const GRAPHIC = 3; // and for what must be seen to understand

test("contrast is WCAG's", () => {
  assert.equal(contrast("#000000", "#ffffff"), 21);
  assert.ok(Math.abs(contrast("#777777", "#ffffff") - 4.48) < 0.01);
});

test("letters on every term's colour", () => {
  for (const fill of TERM_FILL) assert.ok(contrast(fill, INK_ON_TERM) >= TEXT, fill);
});

for (const [name, theme] of Object.entries(THEME)) {
  for (const ground of theme.backgrounds) {
    test(`${name}: letters on ${ground}`, () => {
      for (const ink of ["ink", "muted", "accent", "good", "warn", "fault"]) {
        assert.ok(contrast(theme[ink], ground) >= TEXT, `${ink} ${contrast(theme[ink], ground)}`);
      }
    });
    test(`${name}: lines on ${ground}`, () => {
      for (const line of TERM_LINE[name]) {
        assert.ok(contrast(line, ground) >= GRAPHIC, `${line} ${contrast(line, ground)}`);
      }
      assert.ok(contrast(theme.edge, ground) >= GRAPHIC, `edge ${contrast(theme.edge, ground)}`);
    });
  }
  test(`${name}: letters on a node that is down or in no term`, () => {
    assert.ok(contrast(theme.ink, theme.down) >= TEXT);
  });
  test(`${name}: letters on the main buttons and on warnings`, () => {
    assert.ok(contrast(theme.accent, theme.onAccent) >= TEXT);
    assert.ok(contrast(theme.warn, theme.warnSoft) >= TEXT);
  });
}

test("five terms have five colours, and the number says the rest", () => {
  assert.equal(new Set([1, 2, 3, 4, 5].map(termFill)).size, 5);
  assert.equal(termFill(1), termFill(6));
  assert.equal(termFill(0), null);
  assert.equal(termLine(0, "dark"), null);
  assert.equal(termLine(2, "light"), TERM_LINE.light[1]);
});

test("the style sheet uses these colours", () => {
  const css = readFileSync(new URL("../raftlock_widgets/static/styles/base.css", import.meta.url), "utf8");
  const blocks = { light: css.match(/\.raftlock \{([^}]*)\}/)[1], dark: css.match(/data-theme="dark"\] \{([^}]*)\}/)[1] };
  const names = { ink: "ink", muted: "ink-2", accent: "accent", good: "good", warn: "warn", fault: "fault",
    edge: "edge", down: "empty", onAccent: "on-accent", warnSoft: "warn-soft" };
  for (const [theme, block] of Object.entries(blocks)) {
    for (const [key, variable] of Object.entries(names)) {
      const value = block.match(new RegExp(`--rl-${variable}: ([^;]+);`))?.[1];
      assert.equal(value, THEME[theme][key], `${theme} --rl-${variable}`);
    }
  }
  assert.match(blocks.light, new RegExp(`--rl-ink-on-term: ${INK_ON_TERM};`));
});

test("a page's background tells its theme", () => {
  for (const color of ["#fff", "#ffffff", "rgb(250, 250, 250)", "white", "rgba(255,255,255,1)"]) {
    assert.equal(themeOf(color), "light", color);
  }
  for (const color of ["#111", "#111111", "rgb(17, 17, 17)", "black"]) assert.equal(themeOf(color), "dark", color);
  for (const color of ["", undefined, "rgba(0, 0, 0, 0)", "var(--x)"]) assert.equal(themeOf(color), null);
});
