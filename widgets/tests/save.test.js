import assert from "node:assert/strict";
import { test } from "node:test";

import { fileName, sheetOf } from "../raftlock_widgets/static/save.js";

test("a file's name says what it shows and when, and holds nothing odd", () => {
  assert.equal(fileName("soak", "Terms and roles", 9_149_999, "svg"), "soak_terms-and-roles_0-09-1.svg");
  assert.equal(fileName("../../<b>", "", 0, "png"), "b_picture_0-00-0.png");
  assert.equal(fileName("\u2603", "Logs, index by index", 61_000_000, "png"), "raftlock_logs-index-by-index_1-01-0.png");
});

test("of all sheets only our rules travel, with what they use of the theme", () => {
  const { css, theme } = sheetOf([
    ".raftlock { color: var(--jp-ui-font-color1, #000); }",
    ".jp-Notebook { color: red; }",
    "@container (width < 700px) { .rl-row { color: var(--jp-layout-color0); } }",
    '.raftlock-still[data-store="a"] { display: none; }',
  ]);
  assert.equal(css.includes("jp-Notebook"), false);
  assert.equal(css.includes("raftlock-still"), false);
  assert.equal(css.includes("@container"), true);
  assert.deepEqual(theme, ["--jp-layout-color0", "--jp-ui-font-color1"]);
});
