import assert from "node:assert/strict";
import { test } from "node:test";

import { flight } from "../raftlock_widgets/static/geometry.js";
import { driftWords, fieldWords, linkWords } from "../raftlock_widgets/static/inspector.js";
import { stripOf } from "../raftlock_widgets/static/nodes.js";
import { nextName, onLink, wave } from "../raftlock_widgets/static/ring.js";
import { listed } from "../raftlock_widgets/static/slips.js";

const plain = { delay_ms: 20, jitter_ms: 0, loss: 0, cut: false };

test("a link in words", () => {
  assert.equal(linkWords(undefined, undefined, "n1", "n2", 20), "whole");
  assert.equal(linkWords({ ...plain, cut: true }, plain, "n1", "n2", 20), "cut from n1 to n2");
  assert.equal(linkWords({ ...plain, cut: true, wall: true }, { ...plain, cut: true }, "n1", "n2", 20), "cut by the split");
  assert.equal(linkWords({ ...plain, delay_ms: 400, jitter_ms: 100, loss: 0.125 }, plain, "n1", "n2", 20),
    "whole · takes 400 ms and up to 100 more · loses 12.5 %");
});

test("what is written on a link", () => {
  assert.equal(onLink(undefined, plain, 20), "");
  assert.equal(onLink({ ...plain, delay_ms: 400 }, plain, 20), "400 ms");
  assert.equal(onLink(plain, { ...plain, delay_ms: 40, jitter_ms: 10, loss: 0.3 }, 20), "40–50 ms, loses 30 %");
});

test("a wavy line begins and ends where the link does", () => {
  const path = wave({ x1: 10, y1: 20, ux: 1, uy: 0, length: 90 });
  assert.match(path, /^M10.0 20.0Q/);
  assert.match(path, /100.0 20.0$/);
});

test("a moved message goes on from where it was, a held one stays there", () => {
  const message = { t0: 100, t1: 200, done: 0.5, fate: "flying" };
  assert.equal(flight(message, 100, 200).part, 0.5);
  assert.equal(flight(message, 150, 200).part, 0.75);
  assert.equal(flight({ ...message, held: true }, 190, 200).part, 0.5);
  assert.equal(flight({ t0: 100, t1: 200, fate: "flying" }, 150, 200).part, 0.5);
});

test("held messages are listed first, heartbeats last, lost ones not", () => {
  const of = (id, label, more = {}) => ({ id, label, fate: "flying", ...more });
  const ids = listed([of(1, "HB"), of(2, "AE·1"), of(3, "RV", { fate: "lost" }), of(4, "AE✓"), of(5, "HB", { held: true })]).map((m) => m.id);
  assert.deepEqual(ids, [5, 4, 2, 1]);
  assert.equal(listed(Array.from({ length: 50 }, (_, k) => of(k, "RV")), 3).length, 3);
});

test("the end of a log in a strip", () => {
  assert.deepEqual(stripOf({ last: 3, commit: 2 }, 4, 6), ["c", "c", "u", "-", "", ""]);
  assert.deepEqual(stripOf({ last: 20, commit: 19 }, 20, 3), ["c", "c", "u"]);
  assert.deepEqual(stripOf({ last: 0, commit: 0 }, 0, 2), ["", ""]);
});

test("fields, drift and names", () => {
  assert.equal(fieldWords({ prev_log_index: 3, entries: [{}, {}], success: true }), "prev log index 3 · entries 2 entries · success true");
  assert.equal(driftWords(120_000), "+12 %");
  assert.equal(driftWords(-5_000), "−0.5 %");
  assert.equal(nextName(["n1", "n3.2", "other"]), "n4");
  assert.equal(nextName([]), "n1");
});
