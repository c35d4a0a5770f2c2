import assert from "node:assert/strict";
import { test } from "node:test";

import { KEYS, keyOf, stranded } from "../raftlock_widgets/static/keys.js";

const at = (tagName, more = {}) => ({ tagName, getAttribute: (name) => more[name] ?? null, ...more });
const key = (name, target = at("DIV"), more = {}) => keyOf({ key: name, target, ...more });

test("no key stands for two things", () => {
  const all = KEYS.flatMap((each) => each.keys);
  assert.equal(new Set(all).size, all.length);
  assert.ok(KEYS.every((each) => each.words && each.shown));
});

test("keys that are typed somewhere are left alone", () => {
  assert.equal(key("k").shown, "K");
  assert.equal(key("k", at("INPUT", { type: "text" })), null);
  assert.equal(key("ArrowLeft", at("INPUT", { type: "range" })), null);
  assert.equal(key("k", at("SELECT")), null);
  assert.equal(key("k", at("DIV"), { ctrlKey: true }), null);
  assert.equal(key("q"), null);
});

test("the space bar presses the button that has the focus", () => {
  assert.equal(key(" ", at("BUTTON")), null);
  assert.equal(key(" ", at("g", { role: "button" })), null);
  assert.equal(key(" ").shown, "Space or .");
  assert.equal(key("k", at("BUTTON")).shown, "K");
  assert.equal(key("ArrowRight", at("BUTTON", { role: "tab" })), null);
});

test("the leader is left with less than half", () => {
  assert.deepEqual(stranded(["n1", "n2", "n3", "n4", "n5"], "n4"), [["n4", "n1"], ["n2", "n3", "n5"]]);
  assert.deepEqual(stranded(["n1", "n2", "n3"], "n1"), [["n1"], ["n2", "n3"]]);
  assert.deepEqual(stranded(["n1", "n2"], "n2"), [["n2"], ["n1"]]);
});
